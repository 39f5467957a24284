//! XML as a sequence of nodes. Entities are those of XML itself: one that a document declares stays as it is written.

use std::borrow::Cow;

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
    reader::Config,
};

use crate::error::ExtractError;

/// What comes next in a document.
#[derive(Debug)]
pub(super) enum Node<'xml> {
    /// An element begins; one without content ends right afterwards.
    Open(Element<'xml>),
    /// The element of this name ends.
    Close(String),
    /// Text between elements, in as many parts as the document likes.
    Text(Cow<'xml, str>),
}

/// The beginning of an element. Names are without their prefix.
#[derive(Debug)]
pub(super) struct Element<'xml> {
    pub(super) name: String,
    tag: BytesStart<'xml>,
}

impl Element<'_> {
    /// What stands before the colon of the name as it is written; nothing when there is no colon.
    pub(super) fn prefix(&self) -> String {
        self.tag.name().prefix().map(|prefix| prefix.as_ref().to_owned()).unwrap_or_default()
    }

    /// The value of an attribute, the first of that name; `None` when there is none that can be read.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        self.attributes(name).next()
    }

    /// The values of the attributes of that name; they have different prefixes.
    pub(super) fn attributes(&self, name: &str) -> impl Iterator<Item = String> {
        let mut attributes = self.tag.attributes();
        // Comparing every name with every other one is quadratic.
        attributes.with_checks(false);
        attributes.flatten().filter(move |found| found.key.local_name().as_ref() == name).map(|found| {
            let value = found.normalized_value(XmlVersion::Implicit1_0);
            value.unwrap_or(Cow::Borrowed(&found.value)).into_owned()
        })
    }
}

/// Reads a document node by node.
#[derive(Debug)]
pub(super) struct Nodes<'xml>(Reader<&'xml [u8]>);

impl<'xml> Nodes<'xml> {
    pub(super) fn of(xml: &'xml str) -> Self {
        let mut reader = Reader::from_str(xml);
        let Config { allow_dangling_amp, expand_empty_elements, .. } = reader.config_mut();
        *allow_dangling_amp = true;
        *expand_empty_elements = true;
        Self(reader)
    }

    /// The byte behind what was read last. An element without content is read as a whole when it begins.
    pub(super) fn position(&self) -> usize {
        usize::try_from(self.0.buffer_position()).unwrap_or(usize::MAX)
    }

    /// Passes over what the element that has just begun contains, its end included.
    pub(super) fn pass_over(&mut self, element: &Element<'_>) -> Result<(), ExtractError> {
        self.0.read_to_end(element.tag.name()).map(|_| ()).map_err(ExtractError::damaged)
    }
}

impl<'xml> Iterator for Nodes<'xml> {
    type Item = Result<Node<'xml>, ExtractError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let node = match self.0.read_event() {
                Err(error) => return Some(Err(ExtractError::damaged(error))),
                Ok(Event::Eof) => return None,
                Ok(Event::Start(tag)) => {
                    Node::Open(Element { name: tag.local_name().as_ref().to_owned(), tag })
                }
                Ok(Event::End(tag)) => Node::Close(tag.local_name().as_ref().to_owned()),
                Ok(Event::Text(text)) => Node::Text(text.xml10_content()),
                Ok(Event::CData(text)) => Node::Text(text.xml10_content()),
                Ok(Event::GeneralRef(entity)) => Node::Text(match entity.resolve_char_ref() {
                    Ok(Some(character)) => Cow::Owned(character.to_string()),
                    Err(_) => continue,
                    Ok(None) => match resolve_predefined_entity(&entity) {
                        Some(text) => Cow::Borrowed(text),
                        None => Cow::Owned(format!("&{};", &*entity)),
                    },
                }),
                // What stands in an empty element, comments, declarations.
                Ok(_) => continue,
            };
            return Some(Ok(node));
        }
    }
}

/// The text right in the first element of that name; empty when there is none.
pub(super) fn text_of(xml: &str, name: &str) -> Result<String, ExtractError> {
    let mut text: Option<String> = None;
    for node in Nodes::of(xml) {
        match node? {
            Node::Open(element) if element.name == name => text = Some(String::new()),
            Node::Text(part) => text.iter_mut().for_each(|text| text.push_str(&part)),
            Node::Close(closed) if closed == name => break,
            Node::Open(_) | Node::Close(_) => {}
        }
    }
    Ok(text.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(xml: &str) -> String {
        let mut said = String::new();
        for node in Nodes::of(xml) {
            match node.unwrap() {
                Node::Open(element) => {
                    said.push_str(&format!(
                        "<{} {}>",
                        element.name,
                        element.attribute("id").unwrap_or_default()
                    ));
                }
                Node::Close(name) => said.push_str(&format!("</{name}>")),
                Node::Text(text) => said.push_str(&text),
            }
        }
        said
    }

    #[test]
    fn names_have_no_prefix_and_empty_elements_end() {
        assert_eq!(read(r#"<a:b c:id="x &amp; y"/>"#), "<b x & y></b>");
        assert_eq!(read("<p>R&amp;D &#65;<![CDATA[<x>]]> A & B</p>"), "<p >R&D A<x> A & B</p>");
    }

    #[test]
    fn entities_that_a_document_declares_are_not_replaced() {
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x id="&b;">&b;</x>"#;
        assert_eq!(read(bomb), "<x &b;>&b;</x>");
    }

    #[test]
    fn deep_nesting_and_many_attributes_cost_no_more_than_their_length() {
        let deep = format!("{}x{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
        assert_eq!(Nodes::of(&deep).count(), 400_001);
        let wide: String = (0..100_000).map(|n| format!(" a{n}='1'")).collect();
        assert_eq!(read(&format!("<a{wide} id='9'/>")), "<a 9></a>");
    }

    #[test]
    fn what_is_passed_over_ends_with_its_element() {
        let mut nodes = Nodes::of("<a><skip/><skip><skip>x</skip></skip>y</a>");
        let mut text = String::new();
        while let Some(node) = nodes.next() {
            match node.unwrap() {
                Node::Open(element) if element.name == "skip" => nodes.pass_over(&element).unwrap(),
                Node::Text(part) => text.push_str(&part),
                _ => {}
            }
        }
        assert_eq!(text, "y");
    }

    #[test]
    fn an_end_that_is_missing_or_wrong_is_damage() {
        for xml in ["<a><b></a>", "<a", "<a x='1></a>"] {
            assert!(Nodes::of(xml).any(|node| node.is_err()), "{xml}");
        }
    }
}
