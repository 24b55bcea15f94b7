"""mkdocs hooks: pages from the whole repository, and the API reference.

Every page keeps its path in the repository, so that relative links work on the site. Links to
folders, configs and modules lead to generated pages.
"""
import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = 'mmguided'
LINK = re.compile(r'\]\((?!\w+:)([^)\s#]+)(#[^)\s]*)?\)')
ROLE = re.compile(r':(?:class|func|meth|attr|data|mod):`([^`]+)`')


# Pages, by their path in the repository.


def written_pages() -> list[str]:
    """Markdown files of the repository, in the order of the navigation."""
    patterns = ('README.md', 'docs/*.md', 'docs/images/*.md', 'configs/*/*.md',
                'configs/benchmarks/*/*.md', 'projects/*/*.md', 'CONTRIBUTING.md', 'CHANGELOG.md')
    return [path.relative_to(ROOT).as_posix()
            for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def modules() -> list[str]:
    """Paths of the public modules."""
    paths = (path.relative_to(ROOT) for path in sorted((ROOT / PACKAGE).rglob('*.py')))
    return [path.as_posix() for path in paths
            if not any(part.startswith(('_', '.')) and part != '__init__.py'
                       for part in path.parts)]


def page_of(path: str) -> str:
    """Path on the site for a path in the repository."""
    if (ROOT / path).is_dir():
        if path.split('/')[0] == PACKAGE:
            return page_of(f'{path}/__init__.py')
        readme = f'{path}/README.md'
        return readme if (ROOT / readme).is_file() else f'{path}/index.md'
    if not path.endswith('.py'):
        return path
    if path.startswith(f'{PACKAGE}/'):
        return 'api/' + path.replace('__init__.py', 'index.md').removesuffix('.py') + (
            '' if path.endswith('__init__.py') else '.md')
    return f'{path}.md'


def linked_paths(page: str, markdown: str) -> list[str]:
    """Repository paths that a page links to."""
    return [os.path.normpath(os.path.join(os.path.dirname(page), path))
            for path, _ in LINK.findall(markdown)]


# Content of generated pages.


def summary(path: Path) -> str:
    """First paragraph of a module's docstring, or the exported names if there is no docstring."""
    tree = ast.parse(path.read_text())
    if text := ast.get_docstring(tree):
        return ': ' + re.sub(ROLE, r'`\1`', ' '.join(text.partition('\n\n')[0].split()))
    names = [name for node in tree.body if isinstance(node, ast.Assign)
             and getattr(node.targets[0], 'id', '') == '__all__'
             for name in ast.literal_eval(node.value)]
    return ': ' + ', '.join(f'`{name}`' for name in names) if names else ''


def code_page(path: str) -> str:
    return f'# {Path(path).name}\n\n````python\n{(ROOT / path).read_text()}````\n'


def folder_page(path: str) -> str:
    rows = [f'- [{file.name}]({file.name}){summary(file)}'
            for file in sorted((ROOT / path).glob('*.py')) if file.name != '__init__.py']
    return '\n'.join([f'# {path}', '', *rows, ''])


def module_page(path: str) -> str:
    """API reference of a module, or the list of modules of a package."""
    name = path.removesuffix('.py').removesuffix('/__init__').replace('/', '.')
    if not path.endswith('__init__.py'):
        return f'# {name}\n\n::: {name}\n'
    folder = (ROOT / path).parent
    rows = []
    for child in sorted(folder.iterdir()):
        file = child / '__init__.py' if child.is_dir() else child
        if file.suffix == '.py' and file.is_file() and not child.name.startswith(('_', '.')):
            link = f'{child.name}/index.md' if child.is_dir() else f'{child.stem}.md'
            rows.append(f'- [{child.stem}]({link}){summary(file)}')
    return '\n'.join([f'# {name}', '', f'::: {name}', '    options:', '      members: false', '',
                      *rows, ''])


# mkdocs hooks.


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Set the navigation."""
    pages = written_pages()

    def below(*prefixes: str) -> list[str]:
        return [page for page in pages if page.startswith(prefixes)]

    config.nav = [
        'README.md',
        dict(Guides=[page for page in below('docs/') if not page.startswith('docs/images/')]),
        dict(Methods=[page for page in below('configs/') if 'benchmarks' not in page]),
        dict(Benchmarks=below('configs/benchmarks/')),
        {'API reference': nested([page_of(path) for path in modules()])},
        dict(Project=below('CONTRIBUTING', 'CHANGELOG')),
    ]
    return config


def nested(pages: list[str]) -> list:
    """Pages of the API reference, nested by package."""
    folders: dict[str, list] = {}
    for page in sorted(pages, key=lambda page: (os.path.dirname(page), 'index.md' not in page)):
        folder = os.path.dirname(page)
        if folder not in folders:
            folders[folder] = []
            if parent := folders.get(os.path.dirname(folder)):
                parent.append({os.path.basename(folder): folders[folder]})
        name = os.path.basename(page).removesuffix('.md')
        folders[folder].append(page if name == 'index' else {name: page})
    return folders[f'api/{PACKAGE}']


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of docs/ by the pages of the repository and the files that they link to."""
    for file in list(files):
        if file.src_dir == config.docs_dir:
            files.remove(file)
    for path in modules():
        files.append(File.generated(config, page_of(path), content=module_page(path)))
    waiting = written_pages()
    while waiting:
        path = waiting.pop()
        uri = page_of(path)
        if files.get_file_from_path(uri) or not (ROOT / path).exists():
            continue
        if (ROOT / uri).is_file():
            files.append(File.generated(config, uri, abs_src_path=str(ROOT / uri)))
            if uri.endswith('.md'):
                waiting += linked_paths(uri, (ROOT / uri).read_text())
        elif (ROOT / path).is_dir():
            content = folder_page(path)
            files.append(File.generated(config, uri, content=content))
            waiting += linked_paths(uri, content)
        else:
            files.append(File.generated(config, uri, content=code_page(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite relative links to paths on the site."""
    folder = os.path.dirname(page.file.src_uri)
    if folder.startswith('api/'):
        return markdown

    def link(match: re.Match) -> str:
        target = page_of(os.path.normpath(os.path.join(folder, match[1])))
        return f']({os.path.relpath(target, folder or ".")}{match[2] or ""})'

    return LINK.sub(link, markdown)


# Docstrings.


class PlainRoles(griffe.Extension):
    """Convert the reStructuredText of docstrings (roles, literal blocks) to Markdown.

    A role becomes a link if exactly one public object of the package has its name.
    """

    def on_package(self, *, pkg: griffe.Module, **kwargs) -> None:
        objects = list(walk(pkg))
        paths: dict[str, set[str]] = {}
        for obj in objects:
            shown = obj.docstring or obj.is_module
            if shown and not any(part.startswith('_') for part in obj.path.split('.')):
                for name in (obj.path, obj.name, '.'.join(obj.path.split('.')[-2:])):
                    paths.setdefault(name, set()).add(obj.path)
        for obj in objects:
            if obj.docstring:
                obj.docstring.value = to_markdown(obj.docstring.value, obj, paths)


def walk(obj: griffe.Object) -> Iterator[griffe.Object]:
    """Yield an object and all objects defined in it."""
    yield obj
    for member in obj.members.values():
        if not member.is_alias:
            yield from walk(member)


def to_markdown(text: str, obj: griffe.Object, paths: dict[str, set[str]]) -> str:
    """Docstring with roles as links."""

    def role(match: re.Match) -> str:
        name = match[1].lstrip('~')
        scope = obj if obj.is_class else obj.parent
        if scope is not None and name in scope.members and scope.is_class:
            return f'[`{name}`][{scope.path}.{name}]'
        found = paths.get(name, paths.get('.'.join(name.split('.')[-2:]), ()))
        return f'[`{name}`][{next(iter(found))}]' if len(found) == 1 else f'`{name}`'

    text = re.sub(ROLE, role, text)
    text = re.sub(r'^( *)::\n', '', text, flags=re.M)
    return re.sub(r'::\n', ':\n', text)
