//! A value of a file, and where it stands.

use plugin_yaml::{Mark, Node};

/// What is one thing in the files.
pub type Id = (usize, Mark, bool);

/// A value of one of the files.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// The value.
    pub node: &'a Node,
    /// Which file.
    pub file: usize,
    /// Where its key stands, or where it begins in a list. What an alias or a merge key brought is where it was written,
    /// so one place is one thing in the file.
    pub mark: Mark,
    /// Whether it is an item of a list: a map in a list begins where its first key does.
    item: bool,
    /// Where it is used, as a JSON pointer.
    pub pointer: String,
}

impl<'a> Place<'a> {
    /// A whole file.
    pub fn root(file: usize, node: &'a Node) -> Self {
        Self {
            node,
            file,
            mark: node.mark,
            item: true,
            pointer: String::new(),
        }
    }

    /// The value under a key that has one. Fabric's tools tell capitals and small letters of their own keys apart no more
    /// than this.
    pub fn get(&self, key: &str) -> Option<Self> {
        self.entries()
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, place)| place)
            .filter(|place| !place.node.is_null())
    }

    /// All keys of a map with their values.
    pub fn entries(&self) -> Vec<(&'a str, Self)> {
        let entries = self.node.entries().iter();
        entries
            .map(|entry| {
                let part = entry.key.replace('~', "~0").replace('/', "~1");
                let place = Self {
                    node: &entry.value,
                    file: self.file,
                    mark: entry.mark,
                    item: false,
                    pointer: format!("{}/{part}", self.pointer),
                };
                (entry.key.as_str(), place)
            })
            .collect()
    }

    /// The items of a list.
    pub fn items(&self) -> Vec<Self> {
        let items = self.node.items().iter().enumerate();
        items
            .map(|(index, item)| Self {
                node: item,
                file: self.file,
                mark: item.mark,
                item: true,
                pointer: format!("{}/{index}", self.pointer),
            })
            .collect()
    }

    /// What is one thing, however often it is used.
    pub fn id(&self) -> Id {
        (self.file, self.mark, self.item)
    }
}
