"""Export the encoder of a checkpoint to timm, transformers, ONNX, torch.export or mmpretrain.

    python tools/export.py work_dirs/mae/vit-b_800e/epoch_800.pth exported/mae --format timm

The folder OUT contains the model and a model card, README.md, that says how to load it:

- timm: model.safetensors and config.json (ViT, Swin, ConvNeXt V2).
- transformers: the same, and preprocessor_config.json. MAE with a ViT of square images becomes a
  ViTMAEForPreTraining with its decoder; other encoders become ViTModel, SwinModel or
  ConvNextV2Model.
- onnx: model.onnx; torch: model.pt2 (all encoders). The input is a batch of any number of
  normalized images, RGB if they have three channels; the output are their tokens (B, [1 +] L, D),
  [CLS] first, if any.
- mmpretrain: model.pth with the names of mmpretrain's backbone.

Except for mmpretrain, the export runs the result and fails if its output differs from the
checkpoint's by more than 1e-5.
mmguided reads the folders of timm and transformers like checkpoints.
"""
import argparse
import json
from pathlib import Path

import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmguided.cli.arguments import default_name, local_path, tool_parser
from mmguided.hub import config_path, get_model, read_config
from mmguided.structures import PatchMask
from mmguided.utils.converters import encoder_from_any, encoder_to, find_encoders
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra
from mmguided.utils.exchange import CONFIG, PREPROCESSOR, WEIGHTS
from mmguided.utils.toolboxes import import_toolboxes
from mmguided.version import __version__

import_toolboxes('mmpretrain')  # silences the messages of its import
from mmguided.analysis.inspection import (  # noqa: E402
    loading_transform,
    method_name,
    takes_bgr,
)
from mmguided.models import (  # noqa: E402
    Encoder,
    MAEDecoder,
    MaskedImageModel,
    PixelTarget,
)

with imports_of_extra('export'):
    from safetensors.torch import save_file

#: Largest difference between outputs, relative to the largest output.
TOLERANCE = 1e-5


class Tokens(nn.Module):
    """Encoder as a function of the images."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        """Tokens ``(B, [1 +] L, D)`` of images ``(B, C, H, W)``."""
        return self.encoder.image_tokens(images)


class Export:
    """Model to export.

    Args:
        model: Pretraining model or classifier.
        out: Folder to write.

    Attributes:
        images: Two random inputs ``(2, C, H, W)``.
        tokens: Tokens of the inputs, ``(2, [1 +] L, D)``.
        mean, std: Normalization of RGB pixels, or of all channels, in [0, 1].
        flips: True if the order of the channels is reversed because the encoder was trained on BGR
            images.
    """

    def __init__(self, model: nn.Module, out: Path) -> None:
        self.encoder = getattr(model, 'backbone', None)
        if not isinstance(self.encoder, Encoder):
            raise ConfigError(f'model.backbone.type={type(self.encoder).__name__}: not an encoder '
                              'of mmguided. Give a checkpoint of its training.')
        self.model, self.out = model, out
        self.size = self.encoder.input_size
        self.channels = self.encoder.in_channels
        # A preprocessor without mean and std does not normalize.
        self.mean, self.std = (
            [value / 255 for value in getattr(model.data_preprocessor, name, torch.tensor(default))
             .flatten().expand(self.channels).tolist()]
            for name, default in (('mean', 0.), ('std', 1.)))
        self.flips = takes_bgr(model)
        if self.flips:
            convolution = self.encoder.first_convolution
            convolution.weight.copy_(convolution.weight.flip(1))
            self.mean, self.std = self.mean[::-1], self.std[::-1]
            print(f'{out}: the encoder of the checkpoint takes BGR images; the exported encoder '
                  'takes RGB images')
        torch.manual_seed(0)
        self.images = torch.randn(2, self.channels, *self.size)
        self.tokens = self.encoder.image_tokens(self.images)
        self.state = model.state_dict()

    @property
    def has_mae_decoder(self) -> bool:
        """True if the model is a ViTMAEForPreTraining of transformers, whose images are square and
        whose predictions have the order of the images' channels."""
        return (self.size[0] == self.size[1] and not self.flips and self.family == 'vit'
                and isinstance(self.model, MaskedImageModel)
                and type(self.model.neck) is MAEDecoder
                and type(self.model.target_generator) is PixelTarget
                and self.model.head.block == self.model.neck.depth
                and len(self.model.mask_generator.mask_ratios) == 1)

    def check(self, what: str, output: Tensor, expected: Tensor | None = None) -> None:
        """Compare the output of the exported model with ``expected``, by default
        :attr:`tokens`."""
        expected = self.tokens if expected is None else expected
        difference = ((output - expected).abs().max() / expected.abs().max()).item()
        if not difference <= TOLERANCE:
            raise ConfigError(f"out='{self.out}': the output of {what} differs by {difference:.1e} "
                              f'(tolerance {TOLERANCE}). Choose another format, and report it.')
        print(f'{self.out}: the largest difference of the output of {what} is {difference:.1e} of '
              'its largest value')

    @property
    def family(self) -> str:
        """'vit', 'swin' or 'convnextv2'."""
        return find_encoders(self.encoder.state_dict())[0][1]

    @property
    def settings(self) -> dict:
        """Settings of a Swin or ConvNeXt V2."""
        return encoder_from_any(self.encoder.state_dict())[1]


def write_timm(export: Export) -> str:
    """Write a folder for ``timm.create_model('local-dir:FOLDER', pretrained=True)``."""
    with imports_of_extra('export'):
        import timm
    encoder, state = export.encoder, encoder_to('timm', export.state)
    if export.family == 'vit':
        block = encoder.layers[0]
        name, first, args = 'vit_base_patch16_224', 'patch_embed.proj', dict(
            img_size=export.size, patch_size=encoder.patch_size, embed_dim=encoder.embed_dims,
            depth=encoder.num_layers, num_heads=block.attn.num_heads,
            mlp_ratio=block.ffn.feedforward_channels / encoder.embed_dims)
    elif export.family == 'swin':
        name, first, args = 'swin_base_patch4_window7_224', 'patch_embed.proj', dict(
            img_size=export.size, patch_size=export.settings['patch_size'],
            window_size=export.settings['window_size'], depths=export.settings['arch']['depths'],
            embed_dim=export.settings['arch']['embed_dims'],
            num_heads=export.settings['arch']['num_heads'])
    else:
        name, first, args = 'convnextv2_base', 'stem.0', dict(
            depths=export.settings['arch']['depths'], dims=export.settings['arch']['channels'])
    write_folder(export, state, dict(
        architecture=name, num_classes=0, model_args=args | dict(in_chans=export.channels),
        pretrained_cfg=dict(
            input_size=(export.channels, *export.size), mean=export.mean, std=export.std,
            interpolation='bicubic', crop_pct=1., num_classes=0, first_conv=first,
            classifier='head' if export.family == 'vit' else 'head.fc')))
    model = timm.create_model(f'local-dir:{export.out}', pretrained=True).eval()
    tokens = model.forward_features(export.images)
    if export.family != 'vit':
        tokens = tokens.flatten(1, 2) if export.family == 'swin' else tokens.flatten(2).mT
    export.check('timm', tokens)
    return "timm.create_model('local-dir:FOLDER', pretrained=True)"


def write_transformers(export: Export) -> str:
    """Write a folder for ``from_pretrained`` of transformers."""
    encoder, decoder = export.encoder, export.has_mae_decoder
    state = encoder_to('transformers', export.state, decoder)
    config = dict(image_size=list(export.size), num_channels=export.channels, dtype='float32')
    if export.family == 'vit':
        block = encoder.layers[0]
        config |= dict(
            architectures=['ViTModel'], model_type='vit', patch_size=encoder.patch_size,
            hidden_size=encoder.embed_dims, num_hidden_layers=encoder.num_layers,
            num_attention_heads=block.attn.num_heads,
            intermediate_size=block.ffn.feedforward_channels, layer_norm_eps=encoder.ln1.eps)
    elif export.family == 'swin':
        config |= dict(
            architectures=['SwinModel'], model_type='swin', layer_norm_eps=1e-5,
            patch_size=export.settings['patch_size'], window_size=export.settings['window_size'],
            depths=export.settings['arch']['depths'],
            embed_dim=export.settings['arch']['embed_dims'],
            num_heads=export.settings['arch']['num_heads'])
    else:
        config |= dict(
            architectures=['ConvNextV2Model'], model_type='convnextv2', layer_norm_eps=1e-6,
            patch_size=export.settings['stem_patch_size'],
            depths=export.settings['arch']['depths'],
            num_stages=len(export.settings['arch']['depths']),
            hidden_sizes=export.settings['arch']['channels'])
    if decoder:
        neck, block = export.model.neck, export.model.neck.decoder_blocks[0]
        config |= dict(
            architectures=['ViTMAEForPreTraining'], model_type='vit_mae',
            decoder_hidden_size=neck.embed_dims, decoder_num_hidden_layers=neck.depth,
            decoder_num_attention_heads=block.attn.num_heads,
            decoder_intermediate_size=block.ffn.feedforward_channels,
            mask_ratio=export.model.mask_generator.mask_ratios[0],
            norm_pix_loss=export.model.target_generator.norm_pix)
    write_folder(export, state, config)
    (export.out / PREPROCESSOR).write_text(json.dumps(dict(
        image_processor_type='ViTImageProcessor', do_resize=True, resample=3,
        size=dict(height=export.size[0], width=export.size[1]), do_rescale=True,
        rescale_factor=1 / 255, do_normalize=True, image_mean=export.mean,
        image_std=export.std), indent=1))
    try:
        check_transformers(export, config)
    except ModuleNotFoundError:
        print(f'{export.out}: the output is not checked because transformers is not installed')
    arguments = ''.join(f', {key}={value}' for key, value in _options(config).items())
    return f"transformers.{config['architectures'][0]}.from_pretrained('FOLDER'{arguments})"


def _options(config: dict) -> dict:
    """Arguments of ``from_pretrained``; the weights contain no pooling layer."""
    has_pooling = config['architectures'][0] in ('ViTModel', 'SwinModel')
    return dict(add_pooling_layer=False) if has_pooling else {}


def check_transformers(export: Export, config: dict) -> None:
    """Compare the output of the written folder, or the prediction of ViTMAEForPreTraining."""
    import transformers
    name, encoder = config['architectures'][0], export.encoder
    model = getattr(transformers, name).from_pretrained(export.out, **_options(config)).eval()
    if name != 'ViTMAEForPreTraining':
        tokens = model(export.images).last_hidden_state
        export.check('transformers', tokens.flatten(2).mT if tokens.ndim == 4 else tokens)
        return
    noise = torch.rand(2, encoder.patch_resolution[0] * encoder.patch_resolution[1])
    keep = int(noise.shape[1] * (1 - model.config.mask_ratio))
    mask = PatchMask.from_ids(noise.argsort(dim=1), ((0, keep), ), encoder.patch_resolution)
    ours = export.model
    expected = ours.head.predict(ours.decode(encoder(export.images, mask), mask))
    export.check('transformers', model(export.images, noise=noise).logits, expected)


def write_folder(export: Export, state: dict[str, Tensor], config: dict) -> None:
    """Write weights and config.json."""
    save_file({name: value.contiguous() for name, value in state.items()}, export.out / WEIGHTS,
              metadata=dict(format='pt'))
    (export.out / CONFIG).write_text(json.dumps(config, indent=1))


def _program(export: Export) -> torch.export.ExportedProgram:
    return torch.export.export(Tokens(export.encoder), (export.images, ), dynamic_shapes=(
        {0: torch.export.Dim('batch')}, ))


def write_torch(export: Export) -> str:
    """Write a program of torch.export."""
    path = export.out / 'model.pt2'
    torch.export.save(_program(export), path)
    run = torch.export.load(path).module()
    export.check('torch.export', torch.cat([run(image) for image in export.images.split(1)]))
    return "torch.export.load('FOLDER/model.pt2').module()"


def write_onnx(export: Export) -> str:
    """Write an ONNX model."""
    with imports_of_extra('export'):
        import onnxruntime
        import onnxscript  # noqa: F401  # required by torch.onnx
    path = export.out / 'model.onnx'
    torch.onnx.export(_program(export), (), path, input_names=['images'], output_names=['tokens'],
                      verbose=False)
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    export.check('onnxruntime', torch.cat([
        torch.from_numpy(session.run(None, dict(images=image.numpy()))[0])
        for image in export.images.split(1)]))
    return "onnxruntime.InferenceSession('FOLDER/model.onnx')"


def write_mmpretrain(export: Export) -> str:
    """Write the weights of mmpretrain's backbone."""
    torch.save(encoder_to('mmpretrain', export.state), export.out / 'model.pth')
    return "backbone.load_state_dict(torch.load('FOLDER/model.pth'))"


#: Format -> function that writes the folder and returns the code that loads the model.
FORMATS = dict(timm=write_timm, transformers=write_transformers, onnx=write_onnx,
               torch=write_torch, mmpretrain=write_mmpretrain)

CARD = """---
license: other
license_name: LICENSE_OF_THE_WEIGHTS
tags: [image-feature-extraction, masked-image-modeling]
---

# {encoder}, {origin} {method}

Exported with mmguided {version}. Replace `LICENSE_OF_THE_WEIGHTS` above by the license.

| | |
|---|---|
| method | {method} |
| encoder | {encoder}, {parameters:.1f} M parameters |
| checkpoint and config | `{checkpoint}` |
| training data | {data} |
| input | {channels} in [0, 1]{loading}, {height} x {width} (height x width), normalized by: |
| mean | {mean} |
| standard deviation | {std} |

```python
{load}
```
"""


def write_card(export: Export, cfg: Config, checkpoint: str, load: str) -> None:
    """Write README.md."""
    dataset = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    is_pretrained = isinstance(export.model, MaskedImageModel)
    load_settings = dict(loading_transform(export.model))
    kind = str(load_settings.pop('type', '')).rpartition('.')[2]
    arguments = ', '.join(f'{key}={value!r}' for key, value in load_settings.items())
    (export.out / 'README.md').write_text(CARD.format(
        encoder=type(export.encoder).__name__, version=__version__,
        origin='pretrained with' if is_pretrained else 'from a checkpoint of',
        method=method_name(export.model) if is_pretrained else type(export.model).__name__,
        parameters=sum(weight.numel() for weight in export.encoder.parameters()) / 1e6,
        checkpoint=default_name(checkpoint),
        # The data of a classifier may not be those of its encoder.
        data='/'.join(Path(dataset.get('data_root') or 'unknown').parts[-2:]) if (
            is_pretrained) else 'unknown',
        channels='RGB' if export.channels == 3 else f'{export.channels} channels',
        loading=f' (`{kind}({arguments})`, divided by 255)' if kind == 'LoadRaster' else '',
        height=export.size[0], width=export.size[1],
        mean=[round(value, 4) for value in export.mean],
        std=[round(value, 4) for value in export.std],
        load=load.replace('FOLDER', export.out.name)))


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, '--trust-checkpoint')
    parser.add_argument('checkpoint', help='checkpoint, or folder of a model')
    parser.add_argument('out', type=local_path, metavar='OUT', help='folder to write')
    parser.add_argument('--format', choices=FORMATS, default='timm')
    parser.add_argument('--config', type=config_path,
                        help='config, unless the checkpoint contains it')
    return parser.parse_args()


@exit_on_config_error
@torch.no_grad()
def main() -> None:
    args = parse_args()
    cfg = read_config(args.config or args.checkpoint)
    model = get_model(args.config, args.checkpoint) if args.config else get_model(args.checkpoint)
    args.out.mkdir(parents=True, exist_ok=True)
    export = Export(model, args.out)
    write_card(export, cfg, args.checkpoint, FORMATS[args.format](export))
    print(f'{args.out}: {", ".join(sorted(path.name for path in args.out.iterdir()))}')


if __name__ == '__main__':
    main()
