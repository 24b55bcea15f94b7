"""Hash of the images of a dataset."""
import hashlib
import pickle


def fingerprint(dataset) -> str:
    """Hash the images of a dataset and their order; datasets without a list of images give ''."""
    if parts := getattr(dataset, 'datasets', None):
        return ' '.join(map(fingerprint, parts))
    if hasattr(dataset, 'dataset'):
        return fingerprint(dataset.dataset)
    if not hasattr(dataset, 'data_bytes'):
        return ''
    images = dataset.data_bytes if dataset.serialize_data else pickle.dumps(dataset.data_list)
    return hashlib.sha1(images).hexdigest()
