r"""k-NN and linear accuracy of one pass over the features of a frozen encoder, in seconds.

    python tools/probe_features.py configs/benchmarks/folder/vit-micro_knn.py \
        --checkpoint CHECKPOINT --data-root FOLDER

The features are those of a k-NN config, without augmentation. k-NN is that config's. The linear
classifier is scikit-learn's logistic regression (L2 penalty, C = 1, up to 1,000 steps of L-BFGS) on
features of unit length whose dimensions are then standardized. It is meant for comparing many
encoders; the linear probe of configs/benchmarks sees random crops for many epochs.

Without --checkpoint the encoder is as initialized.
"""
import argparse
import json
from pathlib import Path

from mmguided.cli.arguments import load_config, set_data_root
from mmguided.cli.config_checks import check_checkpoint, check_data
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='of a k-NN evaluation')
    parser.add_argument('--checkpoint', help='that pretraining has saved')
    parser.add_argument('--data-root', metavar='FOLDER', help='in place of every `data_root`')
    parser.add_argument('--out', type=Path, metavar='FILE.json', help='for the accuracies')
    parser.add_argument('--seed', type=int, default=0, help='of the initialization')
    return parser.parse_args()


@exit_on_config_error
def main() -> None:
    args = parse_args()
    cfg = load_config(args.config)
    if cfg.model.type != 'mmguided.KNNClassifier':
        raise ConfigError(f'config={args.config!r}: model.type={cfg.model.type} is no '
                          'mmguided.KNNClassifier; give a config such as '
                          'configs/benchmarks/folder/vit-micro_knn.py')
    if args.data_root:
        set_data_root(cfg, args.data_root)
    check_data(cfg, ('model', 'test_dataloader'))
    if args.checkpoint:
        check_checkpoint('--checkpoint', args.checkpoint, 'give the path of a .pth file')

    # Only here: they take many seconds.
    with imports_of_extra('analysis'):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    import torch
    from mmengine.registry import DefaultScope

    from mmguided.evaluation import knn_scores
    from mmguided.registry import MODELS
    from mmguided.utils.checkpoints import load_model
    from mmguided.utils.toolboxes import import_toolboxes

    import_toolboxes(cfg.default_scope)
    torch.manual_seed(args.seed)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
        model.init_weights()
        if args.checkpoint:
            load_model(model, args.checkpoint)
        model.eval()
        model.prepare_bank()
        bank, bank_labels = model.bank
        # Features of the test images in the same way; any number of them will do.
        ks, model.ks = model.ks, (1, )
        model.bank_dataloader = cfg.test_dataloader
        model.prepare_bank()
        query, labels = model.bank
    scores = knn_scores(query, bank, bank_labels, int(bank_labels.max()) + 1, ks,
                        model.temperature)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    linear.fit(bank, bank_labels)
    result = {f'knn_{k}': 100 * (score.argmax(1) == labels).float().mean().item()
              for k, score in scores.items()}
    result['linear'] = 100 * linear.score(query, labels)
    for name, accuracy in result.items():
        print(f'{name:<8} {accuracy:.2f} %')
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=2))


if __name__ == '__main__':
    main()
