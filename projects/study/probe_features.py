r"""Measure k-NN and linear accuracy of a frozen encoder's features quickly.

    python projects/study/probe_features.py configs/benchmarks/folder/vit_knn.py \
        CHECKPOINT --data-root FOLDER

Features and k-NN settings come from a k-NN config, without augmentation. The linear classifier is
scikit-learn's logistic regression (L2 penalty, C = 1, up to 1,000 steps of L-BFGS) on standardized
features of unit length. It is fast enough to compare many encoders; the linear probe of
configs/benchmarks trains on random crops for many epochs. linear_10% and linear_1% are trained on
every 10th and 100th image of the bank, unless a class has no image among these. Without CHECKPOINT,
the encoder is untrained, and the config must state its size.
"""
import argparse
import json

from mmguided import get_model
from mmguided.cli.arguments import (
    add_shared,
    fill_encoder,
    load_config,
    local_path,
    set_data_root,
    tool_parser,
)
from mmguided.cli.config_checks import check_checkpoint, check_data
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra

#: Linear classifiers: name, and which images train it (every n-th).
SHARES = {'linear': 1, 'linear_10%': 10, 'linear_1%': 100}


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, 'config', '--data-root', '--trust-checkpoint')
    parser.add_argument('checkpoint', nargs='?', type=local_path, help='pretraining checkpoint')
    add_shared(parser, '--seed', help='seed of an untrained encoder')
    add_shared(parser, '--out', metavar='FILE.json', help='file for the accuracies')
    return parser.parse_args()


@exit_on_config_error
def main() -> None:
    args = parse_args()
    cfg = load_config(args.config)
    if cfg.model.type != 'mmguided.KNNClassifier':
        raise ConfigError(f'config={args.config!r}: model.type={cfg.model.type} is not '
                          'mmguided.KNNClassifier. Give a config such as '
                          'configs/benchmarks/folder/vit_knn.py.')
    if args.data_root:
        set_data_root(cfg, args.data_root)
    if args.checkpoint:
        check_checkpoint('checkpoint', str(args.checkpoint))
    fill_encoder(cfg, args.checkpoint and str(args.checkpoint))
    check_data(cfg, ('model', 'test_dataloader'))

    # Imported late because they take many seconds.
    with imports_of_extra('analysis'):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    import torch
    from mmengine.registry import DefaultScope

    from mmguided.evaluation import knn_scores
    from mmguided.utils.toolboxes import import_toolboxes

    import_toolboxes(cfg.default_scope)
    torch.manual_seed(args.seed)
    model = get_model(cfg, args.checkpoint and str(args.checkpoint))
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model.prepare_bank()
        bank, bank_labels = model.bank
        # Compute the features of the test images as a second bank; k must not exceed its size.
        ks, model.ks = model.ks, (1, )
        model.bank_dataloader = cfg.test_dataloader
        model.prepare_bank()
        query, labels = model.bank
    scores = knn_scores(query, bank, bank_labels, int(bank_labels.max()) + 1, ks,
                        model.temperature)
    result = {f'knn_{k}': 100 * (score.argmax(1) == labels).float().mean().item()
              for k, score in scores.items()}
    for name, step in SHARES.items():
        if set(bank_labels[::step].tolist()) < set(bank_labels.tolist()):
            continue  # a class has no image
        linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        linear.fit(bank[::step], bank_labels[::step])
        result[name] = 100 * linear.score(query, labels)
    for name, accuracy in result.items():
        print(f'{name:<8} {accuracy:.2f} %')
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=2))


if __name__ == '__main__':
    main()
