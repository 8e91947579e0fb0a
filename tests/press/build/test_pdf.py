import pytest
from pypdf import PdfReader

from podium.press.build.pdf import Print
from podium.press.build.walk import walk

pytestmark = pytest.mark.browser


def links(page):
    return [reference.get_object() for reference in page.get("/Annots", [])]


def test_a_vector_page_a_slide_with_text_title_language_and_outline(walked):
    reader = PdfReader(walked.pdf)
    assert len(reader.pages) == 12
    texts = [" ".join(page.extract_text().split()) for page in reader.pages]
    assert "know where it is looking" in texts[0]
    assert "weights = scores.softmax(dim=-1)" in texts[2]
    assert float(reader.pages[0].mediabox.width) == pytest.approx(980 * 0.75, abs=1)
    assert reader.metadata.title == "Sample"
    assert reader.root_object["/Lang"] == "en"
    assert reader.root_object["/ViewerPreferences"]["/DisplayDocTitle"]
    assert [entry.title for entry in reader.outline][-2:] == ["Thank you", "Lists, links, tables and formulas"]
    assert [path.name for path in walked.pdf.parent.iterdir()] == ["sample.pdf"]
    assert not any("/Image" in str(found) for found in reader.pages[2]["/Resources"].get("/XObject", {}).values())


def test_a_link_to_a_slide_leads_to_its_page(walked):
    inside, outside = links(PdfReader(walked.pdf).pages[11])
    assert inside["/Dest"][0].get_object()["/MediaBox"]
    assert PdfReader(walked.pdf).get_page_number(PdfReader(walked.pdf).pages[1]) == 1
    assert "/A" not in inside
    assert outside["/A"]["/URI"] == "https://example.org/a_(b)"


def test_the_same_deck_gives_the_same_bytes(fake_site, browser, tmp_path):
    site, made = fake_site(), []
    for name in ("one.pdf", "two.pdf"):
        printed = Print(tmp_path / name)
        walk(site, browser, [printed])
        made.append(printed.finish().read_bytes())
    assert made[0] == made[1]


def test_a_page_a_click(fake_site, browser, tmp_path):
    printed = Print(tmp_path / "fake.pdf", with_clicks=True)
    walk(fake_site(), browser, [printed], hands=1)
    reader = PdfReader(printed.finish())
    assert ["".join(page.extract_text().split()) for page in reader.pages] == [
        f"Slide{slide}click{click}onnowhereout" for slide, click in ((1, 0), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1))
    ]
    assert [(entry.title, reader.get_destination_page_number(entry)) for entry in reader.outline] == [
        ("Slide 1", 0), ("Slide 2", 1), ("Slide 3", 4)]  # fmt: skip
    assert (reader.metadata.title, reader.root_object["/Lang"]) == ("Fake", "de")
    on, out = links(reader.pages[0])  # the one to slide 9 is gone: there is none
    assert on["/Dest"][0] == reader.pages[4].indirect_reference
    assert out["/A"]["/URI"] == "https://example.org/"
