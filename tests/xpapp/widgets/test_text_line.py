"""A line whose text goes to the browser without a new layout."""

from bokeh.document import Document

from xpapp.widgets.text_line import LiveLine


def test_before_it_is_on_the_page_the_model_says_it():
    line = LiveLine()
    line.text = "7 stars"
    assert line.text == line.model.text == "7 stars"


def test_on_the_page_its_source_carries_the_text():
    line = LiveLine("0.8rem", name="near_source")
    document = Document()
    document.add_root(line.model)
    source = document.get_model_by_name("near_source")
    sent = []
    source.on_change("data", lambda attr, old, new: sent.append(new["text"]))
    line.text = "<b>7</b> stars"
    line.text = "<b>7</b> stars"  # nothing new is nothing to send
    line.text = "8 stars"
    assert sent == [["<b>7</b> stars"], ["8 stars"]]
    assert line.text == "8 stars"
    assert line.model.text == "&nbsp;"  # it would lay out the whole page
