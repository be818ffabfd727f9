//! The types of a stream's columns, settled before its first batch.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};

use super::arrow_file::ArrowBatches;
use super::columns::Columns;
use super::first_pass::Found;
use super::fit::{field_of, flat_schema, name_of, plain, tabular};
use super::guess::Guess;
use super::node::{Flat, Leaf, Node};
use super::plan::{Stream, is_among};
use super::shape::{Rule, Settling};
use super::source::{Format, Source};
use super::{MAX_COLUMNS, OnError, too_many_columns};
use crate::error::{Error, Result};
use crate::formats::table::Fault;

impl Stream {
    /// Settles the types by what was found in text files, unless they are given.
    pub(super) fn settle(&mut self, found: &Found, given: &HashMap<String, Node>) -> Result<()> {
        let mut columns = Columns::default();
        self.settle_json(found, given);
        for flat in &self.json_flat {
            if !columns.names.insert(name_of(&flat.path)) {
                let message = format!(
                    "must give each column a name of its own, got `{}` twice",
                    name_of(&flat.path)
                );
                return Err(Error::data(&self.files[0].path, message));
            }
            columns.add(flat.clone(), false);
        }
        let typed = self.typed_schemas()?;
        self.settle_sheets(found, given, &typed, &mut columns);
        self.settle_typed(given, &typed, &mut columns)?;
        self.finish(columns, given)
    }

    /// The schemas of the typed files, each with the file's number.
    fn typed_schemas(&self) -> Result<Vec<(usize, SchemaRef)>> {
        let mut schemas = Vec::new();
        for (at, file) in self.files.iter().enumerate() {
            let schema = match &file.format {
                Format::Parquet(source) => Arc::clone(source.schema()),
                Format::Arrow => ArrowBatches::open(&file.path)?.schema()?,
                _ => continue,
            };
            schemas.push((at, schema));
        }
        Ok(schemas)
    }

    /// The columns of JSON.
    fn settle_json(&mut self, found: &Found, given: &HashMap<String, Node>) {
        let how = Settling {
            rule: self.rule(),
            is_nested: self.how.is_nested,
            rounds: false,
        };
        let mut refused = Vec::new();
        self.json = found.keys.settle(how, "", &mut refused);
        if self.is_known(given) && self.files.iter().any(Source::is_text) {
            let names = self.how.columns.iter().flatten();
            self.json = names.map(|name| (name.clone(), None)).collect();
        }
        for (name, node) in &mut self.json {
            if let Some(given) = given.get(name) {
                *node = Some(given.clone());
                refused.retain(|refusal| refusal.path != *name);
            }
        }
        for refusal in refused {
            let place = refusal.place.unwrap_or_default();
            let fault = Fault {
                file: self.files[place.file as usize].path.clone(),
                line: Some(place.line),
                message: refusal.message,
            };
            let is_mixed = |(name, node): &(String, Option<Node>)| {
                *name == refusal.path && *node == Some(Node::Mixed)
            };
            if self.json.iter().any(is_mixed) {
                self.mixed.push((refusal.path, fault));
            } else {
                self.refused.push((refusal.path, fault));
            }
        }
        for (name, node) in &mut self.json {
            let wanted = self.how.columns.as_deref();
            let is_wanted = |path: &str| is_among(wanted, path);
            let mut found = Vec::new();
            if let Some(node) = &node {
                node.flat(vec![(name.clone(), 0)], &mut found);
            }
            self.names
                .extend(found.iter().map(|flat| name_of(&flat.path)));
            if found.is_empty() {
                self.names.push(name.clone());
            }
            if node
                .as_mut()
                .is_some_and(|node| !node.keep(name, &is_wanted))
            {
                *node = None;
            }
            if let Some(node) = &node {
                node.flat(vec![(name.clone(), 0)], &mut self.json_flat);
            }
        }
    }

    /// What becomes of columns of several kinds.
    pub(super) fn rule(&self) -> Rule {
        let is_json = |file: &Source| matches!(file.format, Format::Lines | Format::Array);
        match self.how.on_error {
            OnError::Skip if !self.is_tabular => Rule::Most,
            OnError::Skip if self.files.iter().all(is_json) => Rule::Mixed,
            // Other formats have one kind a column, so that there is none to tell of.
            OnError::Raise | OnError::Skip => Rule::Same,
        }
    }

    fn settle_sheets(
        &mut self,
        found: &Found,
        given: &HashMap<String, Node>,
        typed: &[(usize, SchemaRef)],
        columns: &mut Columns,
    ) {
        let is_sheet = |file: &&Source| matches!(file.format, Format::Separated(_));
        let Some(sheet) = self.files.iter().find(is_sheet) else {
            return;
        };
        let sheet = sheet.path.clone();
        let mut leaves: Vec<(String, Leaf)> = Vec::new();
        if self.is_known(given) {
            let names = self.how.columns.iter().flatten();
            leaves.extend(names.map(|name| (name.clone(), Leaf::Text)));
        }
        let leaf = |guess: &Guess| {
            if self.how.has_text_numbers {
                guess.leaf()
            } else {
                Leaf::Text
            }
        };
        let found = found.sheets.iter();
        leaves.extend(found.map(|(name, guess)| (name.clone(), leaf(guess))));
        // What one file has as numbers another may have as texts.
        let texts: HashSet<&String> = typed
            .iter()
            .flat_map(|(_, schema)| schema.fields())
            .filter(|field| plain(field.data_type()) == DataType::LargeUtf8)
            .map(|field| field.name())
            .collect();
        for (name, mut leaf) in leaves {
            self.name(&name);
            if !self.is_wanted(&name) {
                continue;
            }
            let of_others = columns
                .kinds
                .iter()
                .find(|(flat, _)| name_of(&flat.path) == name);
            if of_others.is_some_and(|(flat, _)| flat.kind == DataType::LargeUtf8)
                || texts.contains(&name)
            {
                leaf = Leaf::Text;
            }
            let told = match given.get(&name) {
                Some(Node::Leaf(leaf)) => Some(*leaf),
                _ => None,
            };
            let (leaf, is_given) = told.map_or((leaf, false), |leaf| (leaf, true));
            self.sheet.insert(name.clone(), (leaf, is_given));
            let flat = Flat {
                path: vec![(name.clone(), 0)],
                kind: leaf.kind(),
                metadata: HashMap::new(),
            };
            if let Err(message) = columns.add(flat, false).filter(given.contains_key(&name)) {
                self.refuse(name, &sheet, message);
            }
        }
    }

    fn settle_typed(
        &mut self,
        given: &HashMap<String, Node>,
        typed: &[(usize, SchemaRef)],
        columns: &mut Columns,
    ) -> Result<()> {
        let mut metadata = None;
        for (at, schema) in typed {
            let path = self.files[*at].path.clone();
            let unsound =
                |error| Error::data(&path, format!("must have sound columns, got {error}"));
            let flats = flat_schema(schema, self.how.is_nested).map_err(unsound)?;
            if flats.len() > MAX_COLUMNS {
                return Err(too_many_columns(&path));
            }
            let mut names = HashSet::new();
            for mut flat in flats {
                let name = name_of(&flat.path);
                if !names.insert(name.clone()) {
                    let message = format!("must name each column once, got `{name}` twice");
                    return Err(Error::data(&path, message));
                }
                self.name(&name);
                if !self.is_wanted(&name) {
                    continue;
                }
                if self.is_tabular {
                    let Some(kind) = tabular(&flat.kind) else {
                        let rule = "must hold texts, numbers, truth values or lists of these";
                        let message = format!("{rule}, got {}", flat.kind);
                        self.refuse(name, &path, message);
                        continue;
                    };
                    flat.kind = kind;
                    flat.metadata.clear();
                }
                if let Err(message) = columns.add(flat, true).filter(given.contains_key(&name)) {
                    self.refuse(name, &path, message);
                }
            }
            // What a writer adds to its schema stays where there is one file of it, whole.
            let is_whole = self.files.len() == 1 && self.how.columns.is_none() && !self.is_tabular;
            metadata = is_whole.then(|| schema.metadata().clone());
        }
        columns.metadata = metadata.unwrap_or_default();
        Ok(())
    }

    fn finish(&mut self, columns: Columns, given: &HashMap<String, Node>) -> Result<()> {
        let mut fields: Vec<Field> = Vec::new();
        for (mut flat, _) in columns.kinds {
            let name = name_of(&flat.path);
            if self.refused.iter().any(|(other, _)| *other == name) {
                continue;
            }
            if let Some(node) = given.get(&name) {
                let mut typed = Vec::new();
                node.flat(flat.path.clone(), &mut typed);
                flat.kind = typed.swap_remove(0).kind;
            }
            fields.push(field_of(&flat));
        }
        if fields.len() > MAX_COLUMNS {
            return Err(too_many_columns(&self.files[0].path));
        }
        self.schema = Arc::new(Schema::new_with_metadata(fields, columns.metadata));
        for name in self.how.columns.clone().unwrap_or_default() {
            self.check_there(&name)?;
        }
        Ok(())
    }
}
