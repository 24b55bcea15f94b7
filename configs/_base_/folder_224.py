"""What the evaluations on any folder at 224 px share: FOLDER/{train,val}/CLASS/*.jpg, or .png."""
labeled_folder = dict(
    _delete_=True, type='CustomDataset', data_root='data/folder', with_label=True)
