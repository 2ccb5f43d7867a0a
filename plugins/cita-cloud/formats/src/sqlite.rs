//! A writer of small `SQLite` 3 database files.
//!
//! Every table is one leaf page of 4096 bytes, which is all that a fresh `kms.db` needs. The result
//! is a complete database that `SQLite` opens, checks and goes on writing to. Same tables, same
//! bytes.
//! Format: <https://www.sqlite.org/fileformat2.html>.

use thiserror::Error;

mod record;

pub use record::Value;
use record::{record, varint};

/// Bytes of a page.
const PAGE_SIZE: u16 = 4096;
/// A longer record would have to spill to an overflow page: usable size minus 35.
const MAX_LOCAL_PAYLOAD: usize = 4096 - 35;
/// Page type of a leaf of a table b-tree.
const TABLE_LEAF: u8 = 0x0d;
/// Version in the header as writer of the file, only informative: of the time of kms v4.0.0.
const SQLITE_VERSION: u32 = 3_033_000;

/// A table and its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Name, unique in the database and the one in `sql`.
    pub name: String,
    /// The statement that makes the table, beginning with `CREATE TABLE` as `SQLite` stores it.
    pub sql: String,
    /// Row id and the values of all columns in order; row ids ascend.
    pub rows: Vec<(i64, Vec<Value>)>,
}

/// Tables that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SqliteError {
    /// Rows, or the definitions of the tables, need more than one page.
    #[error("table {table} does not fit on one page of {PAGE_SIZE} bytes")]
    PageFull {
        /// Name of the table, `sqlite_schema` for the definitions.
        table: String,
    },
    /// Row ids must ascend strictly.
    #[error("row {row} of table {table} is out of order")]
    RowOrder {
        /// Name of the table.
        table: String,
        /// Row id.
        row: i64,
    },
    /// A row must have a value.
    #[error("row {row} of table {table} has no columns")]
    EmptyRow {
        /// Name of the table.
        table: String,
        /// Row id.
        row: i64,
    },
}

/// The bytes of a database with these tables: one page for the schema and one for each table.
///
/// # Errors
/// When a table or the schema does not fit on one page, a row has no columns, or row ids do not
/// ascend.
pub fn database(tables: &[Table]) -> Result<Vec<u8>, SqliteError> {
    let schema = Table {
        name: "sqlite_schema".to_owned(),
        sql: String::new(),
        rows: (1..)
            .zip(tables)
            .map(|(id, table)| (id, schema_row(table, id + 1)))
            .collect(),
    };
    let mut file = leaf_page(&header(tables), &schema)?;
    for table in tables {
        file.extend(leaf_page(&[], table)?);
    }
    Ok(file)
}

/// Columns of `sqlite_schema`: type, name, `tbl_name`, rootpage, sql.
fn schema_row(table: &Table, root_page: i64) -> Vec<Value> {
    vec![
        Value::Text("table".to_owned()),
        Value::Text(table.name.clone()),
        Value::Text(table.name.clone()),
        Value::Integer(root_page),
        Value::Text(table.sql.clone()),
    ]
}

/// The 100 bytes before the first page's own header. The counters are those of a database in which
/// every table and every row was a transaction of its own, as the kms does it.
fn header(tables: &[Table]) -> Vec<u8> {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let rows: usize = tables.iter().map(|table| table.rows.len()).sum();
    let changes = count(tables.len() + rows);

    let mut header = b"SQLite format 3\0".to_vec();
    header.extend(PAGE_SIZE.to_be_bytes());
    header.extend([1, 1]); // written and read with a rollback journal
    header.extend([0, 64, 32, 32]); // no reserved bytes; the fixed payload fractions
    for field in [
        changes,                 // file change counter
        count(tables.len() + 1), // pages
        0,                       // first free page
        0,                       // free pages
        count(tables.len()),     // schema cookie
        4,                       // schema format
        0,                       // default cache size
        0,                       // largest root page, for auto-vacuum
        1,                       // UTF-8
        0,                       // user version
        0,                       // incremental vacuum
        0,                       // application id
    ] {
        header.extend(field.to_be_bytes());
    }
    header.extend([0; 20]);
    header.extend(changes.to_be_bytes()); // the counter for which the number of pages is valid
    header.extend(SQLITE_VERSION.to_be_bytes());
    header
}

/// A table leaf page: `before`, the page header, cell pointers, free space, and the cells from the
/// end of the page downwards, as `SQLite` itself lays them out.
fn leaf_page(before: &[u8], table: &Table) -> Result<Vec<u8>, SqliteError> {
    let full = || SqliteError::PageFull {
        table: table.name.clone(),
    };
    let cells = cells(table)?;
    let mut start = PAGE_SIZE;
    let mut pointers = Vec::with_capacity(cells.len() * 2);
    for cell in &cells {
        let length = u16::try_from(cell.len()).map_err(|_| full())?;
        start = start.checked_sub(length).ok_or_else(full)?;
        pointers.extend(start.to_be_bytes());
    }

    let mut page = before.to_vec();
    page.push(TABLE_LEAF);
    page.extend([0, 0]); // no free block
    page.extend(
        u16::try_from(cells.len())
            .map_err(|_| full())?
            .to_be_bytes(),
    );
    page.extend(start.to_be_bytes());
    page.push(0); // no fragmented bytes
    page.extend(pointers);
    if page.len() > usize::from(start) {
        return Err(full());
    }
    page.resize(usize::from(start), 0);
    page.extend(cells.iter().rev().flatten());
    Ok(page)
}

/// The cells of a table, in the order of its rows: payload length, row id, record.
fn cells(table: &Table) -> Result<Vec<Vec<u8>>, SqliteError> {
    let mut cells = Vec::with_capacity(table.rows.len());
    let mut previous = None;
    for (row, values) in &table.rows {
        let (row, table) = (*row, &table.name);
        if previous.replace(row).is_some_and(|before| before >= row) {
            let table = table.clone();
            return Err(SqliteError::RowOrder { table, row });
        }
        if values.is_empty() {
            let table = table.clone();
            return Err(SqliteError::EmptyRow { table, row });
        }
        let record = record(values);
        if record.len() > MAX_LOCAL_PAYLOAD {
            let table = table.clone();
            return Err(SqliteError::PageFull { table });
        }
        let mut cell = varint(record.len() as u64);
        cell.extend(varint(row.cast_unsigned()));
        cell.extend(record);
        cells.push(cell);
    }
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::types::Value as Read;
    use rusqlite::{Connection, MAIN_DB};

    const SQL: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v)";

    fn table(rows: Vec<(i64, Vec<Value>)>) -> Table {
        Table {
            name: "t".to_owned(),
            sql: SQL.to_owned(),
            rows,
        }
    }

    fn open(file: &[u8]) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .deserialize_read_exact(MAIN_DB, file, file.len(), false)
            .unwrap();
        let check: String = connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
        connection
    }

    fn read(connection: &Connection) -> Vec<(i64, Read)> {
        let mut statement = connection
            .prepare("SELECT id, v FROM t ORDER BY id")
            .unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn every_kind_and_width_of_value_is_read_back() {
        let mut values = vec![
            (Value::Null, Read::Null),
            (Value::Text("wörd".into()), Read::Text("wörd".into())),
            (Value::Text(String::new()), Read::Text(String::new())),
            (Value::Blob(vec![]), Read::Blob(vec![])),
            (Value::Blob(vec![7; 300]), Read::Blob(vec![7; 300])),
        ];
        for bits in 0..64 {
            for number in [1_i64 << bits, (1_i64 << bits).wrapping_sub(1)] {
                for number in [number, number.wrapping_neg()] {
                    values.push((Value::Integer(number), Read::Integer(number)));
                }
            }
        }
        for (id, (written, expected)) in (-9..).zip(values) {
            let file = database(&[table(vec![(id, vec![Value::Null, written])])]).unwrap();
            assert_eq!(read(&open(&file)), [(id, expected)]);
        }
    }

    #[test]
    fn row_ids_of_every_width() {
        let ids = [
            i64::MIN,
            -1,
            0,
            127,
            128,
            16383,
            16384,
            1 << 55,
            1 << 56,
            i64::MAX,
        ];
        let rows = ids
            .map(|id| (id, vec![Value::Null, Value::Integer(id)]))
            .to_vec();
        let connection = open(&database(&[table(rows)]).unwrap());
        let expected: Vec<_> = ids.map(|id| (id, Read::Integer(id))).into();
        assert_eq!(read(&connection), expected);
    }

    #[test]
    fn many_columns_need_a_longer_record_header() {
        let columns: Vec<String> = (0..200).map(|n| format!("c{n}")).collect();
        let wide = Table {
            name: "w".to_owned(),
            sql: format!("CREATE TABLE w ({})", columns.join(",")),
            rows: vec![(1, (0..200).map(Value::Integer).collect())],
        };
        let connection = open(&database(&[wide]).unwrap());
        let last: i64 = connection
            .query_row("SELECT c199 FROM w", [], |row| row.get(0))
            .unwrap();
        assert_eq!(last, 199);
    }

    #[test]
    fn no_tables_and_empty_tables_are_databases() {
        open(&database(&[]).unwrap());
        assert_eq!(read(&open(&database(&[table(vec![])]).unwrap())), []);
    }

    #[test]
    fn a_full_page_is_written_and_one_byte_more_refused() {
        // 8 bytes of page header; per row 2 of pointer, 2 of length, 1 of id, 4 of record header.
        let rows = |last: usize| {
            let row = |id, n| (id, vec![Value::Null, Value::Blob(vec![1; n])]);
            table(vec![row(1, 2000), row(2, last)])
        };
        let room = 4096 - 8 - 2 * (2 + 2 + 1 + 4) - 2000;
        let file = database(&[rows(room)]).unwrap();
        assert_eq!(read(&open(&file)).len(), 2);
        let full = SqliteError::PageFull { table: "t".into() };
        assert_eq!(database(&[rows(room + 1)]), Err(full.clone()));

        let alone = |n| table(vec![(1, vec![Value::Null, Value::Blob(vec![1; n])])]);
        assert_eq!(read(&open(&database(&[alone(4057)]).unwrap())).len(), 1);
        assert_eq!(database(&[alone(4058)]), Err(full));
    }

    #[test]
    fn rows_out_of_order_or_empty_are_refused() {
        let row = |id| (id, vec![Value::Null, Value::Null]);
        let order = |row| SqliteError::RowOrder {
            table: "t".into(),
            row,
        };
        assert_eq!(database(&[table(vec![row(2), row(1)])]), Err(order(1)));
        assert_eq!(database(&[table(vec![row(2), row(2)])]), Err(order(2)));
        let empty = SqliteError::EmptyRow {
            table: "t".into(),
            row: 1,
        };
        assert_eq!(database(&[table(vec![(1, vec![])])]), Err(empty));
    }
}
