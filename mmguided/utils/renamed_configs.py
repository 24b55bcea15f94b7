"""Names of removed and renamed configs. To be dropped at version 0.2."""
import re

# Regular expression of the old path -> the new path and its options. Paths are below configs/ and
# without .py; the first match counts.
RENAMED: dict[str, str] = {
    # Pretraining
    # Benchmarks
}


def renamed(name: str) -> str | None:
    """Return the current path and options of a config that has been removed or renamed.

    Args:
        name: Path of a config, or its name in :func:`mmguided.list_models`.

    Returns:
        For example ``'configs/ccmim/vit-b_300e.py --cfg-options model.backbone.arch=small'``; None
        if the config has never existed.
    """
    old = re.sub(r'^.*(configs/|::)', '', name).removesuffix('.py')
    for pattern, new in RENAMED.items():
        match = re.fullmatch(pattern, old) or re.fullmatch(pattern.replace('/', '_'), old)
        if match:
            path, *options = match.expand(new).split(' ', 1)
            return ' '.join([f'configs/{path}.py', *options])
    return None
