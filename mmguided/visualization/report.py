"""Self-contained HTML report."""
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment

# Autoescape is on because names of files, models and classes may contain HTML.
_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 68rem; margin: 2rem auto;
       padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #ddd; text-align: left;
         white-space: pre-wrap; font-variant-numeric: tabular-nums; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr));
       gap: 0 2rem; }
section { min-width: 0; }
figure { margin: 0 0 1rem; }
img { max-width: 100%; height: auto; }
figcaption { color: #555; }
nav a { margin-right: 1rem; white-space: nowrap; }
code { overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for line in summary %}
<p>{{ line }}</p>
{% endfor %}
{% for table in tables %}
<h2>{{ table.title }}</h2>
<table>
<tr>{% for cell in table.header %}<th>{{ cell }}</th>{% endfor %}</tr>
{% for row in table.rows %}
<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</table>
{% endfor %}
<nav>{% for figure in figures %}<a href="#figure-{{ loop.index }}">{{ figure.title }}</a> \
{% endfor %}</nav>
<main>
{% for figure in figures %}
<section>
<h2 id="figure-{{ loop.index }}">{{ figure.title }}</h2>
<figure>
<img src="data:image/png;base64,{{ figure.data }}" alt="{{ figure.title }}">
<figcaption>{{ figure.caption }}</figcaption>
</figure>
</section>
{% endfor %}
</main>
</body>
</html>
""")


@dataclass(frozen=True)
class Table:
    """Table of strings."""
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """PNG file with a title and a caption."""
    title: str
    path: Path
    caption: str

    @property
    def data(self) -> str:
        """File content in base64."""
        return base64.b64encode(self.path.read_bytes()).decode()


def html_report(title: str, summary: Sequence[str], tables: Sequence[Table],
                figures: Sequence[Figure]) -> str:
    """Render an HTML page with embedded images; all texts are escaped."""
    return _TEMPLATE.render(title=title, summary=summary, tables=tables, figures=figures)
