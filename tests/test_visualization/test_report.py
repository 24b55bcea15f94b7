"""The report escapes all texts and is self-contained."""
import base64
from html.parser import HTMLParser

import pytest

from mmguided.visualization import Figure, Table, html_report

HOSTILE = ['<script>alert("x")</script>', "'\"><img src=x onerror=alert(1)>", 'two\nlines',
           '</td></tr></table>&lt;', '{{ 7 * 7 }}']


class Page(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.texts = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize('name', HOSTILE)
def test_hostile_names_stay_text_and_pictures_are_in_the_file(name, tmp_path):
    (tmp_path / 'a.png').write_bytes(b'picture')
    figures = [Figure(name, tmp_path / 'a.png', name)]
    page = Page(html_report(name, [name], [Table(name, [name], [[name]])], figures))
    harmless = Page(html_report('x', ['x'], [Table('x', ['x'], [['x']])],
                                [Figure('x', tmp_path / 'a.png', 'x')]))
    assert page.tags == harmless.tags
    # Title and heading; summary; title, header and row of the table; link, heading and caption.
    assert page.texts.count(name) == harmless.texts.count('x') == 9
    attributes = dict(page.attributes)
    assert attributes['alt'] == name and not {'onerror', 'onload'} & attributes.keys()
    kind, _, data = attributes['src'].partition('base64,')
    assert kind == 'data:image/png;' and base64.b64decode(data) == b'picture'
