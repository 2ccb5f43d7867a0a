//! `kms.db`: the database from which a kms reads its password check and the keys of a node.
//!
//! Two tables, with the statements of `kms_sm` v4.0.0 itself, and one account, key id 1, as
//! `kms create` leaves it in a new database. The kms goes on writing to the file when more accounts
//! are made (reference 2.1, vector `kms_db_schema`).

use crate::account::Account;
use crate::kms::{Generation, Password};
use crate::sqlite::{SqliteError, Table, Value, database};

/// The name of the file.
pub const FILE_NAME: &str = "kms.db";

/// Key id of the account in a new database.
pub const KEY_ID: i64 = 1;

/// Content of the file `key_id`: no newline, which the controller would not trim.
pub const KEY_ID_FILE: &str = "1";

/// What `kms create` puts in the column `description`.
const DESCRIPTION: &str = "create by cmd";

/// The family in the column `config_type`; a kms of another family refuses the file.
const CONFIG_TYPE: &str = "sm";

/// The statements as `SQLite` keeps them: those of the program, without `if not exists`.
const CONFIG_SQL: &str = "CREATE TABLE config (
             id integer primary key,
             password BLOB,
             config_type TEXT
         )";
const ACCOUNT_SQL: &str = "CREATE TABLE account (
             id INTEGER PRIMARY KEY,
             pubkey BLOB,
             privkey BLOB,
             description TEXT
         )";

/// The bytes of a new `kms.db` with one account. Same arguments, same bytes.
///
/// # Errors
/// None in practice: rows of fixed size always fit. The type is that of the writer.
pub fn render(
    password: &Password,
    generation: Generation,
    account: &Account,
) -> Result<Vec<u8>, SqliteError> {
    database(&[
        Table {
            name: "config".to_owned(),
            sql: CONFIG_SQL.to_owned(),
            rows: vec![(
                1,
                vec![
                    Value::Null,
                    Value::Blob(password.stored_hash().to_vec()),
                    Value::Text(CONFIG_TYPE.to_owned()),
                ],
            )],
        },
        Table {
            name: "account".to_owned(),
            sql: ACCOUNT_SQL.to_owned(),
            rows: vec![(
                KEY_ID,
                vec![
                    Value::Null,
                    Value::Blob(account.public().to_vec()),
                    Value::Blob(password.encrypt(generation, account.private()).to_vec()),
                    Value::Text(DESCRIPTION.to_owned()),
                ],
            )],
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{text, vector};
    use rusqlite::{Connection, params};
    use std::path::PathBuf;

    fn password() -> Password {
        Password::parse("123456\n").unwrap()
    }

    fn account() -> Account {
        Account::from_private(&[1; 32]).unwrap()
    }

    fn bytes() -> Vec<u8> {
        render(&password(), Generation::V4, &account()).unwrap()
    }

    /// A file of its own for each test, removed at its end.
    struct File(PathBuf);

    impl File {
        fn new(test: &str) -> Self {
            let name = format!("kms-{test}-{}.db", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = std::fs::remove_file(&path);
            Self(path)
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn integrity(connection: &Connection) -> String {
        connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap()
    }

    fn first_account(connection: &Connection) -> (i64, [u8; 64], [u8; 32], String) {
        let sql = "SELECT id, pubkey, privkey, description FROM account WHERE id = 1";
        connection
            .query_row(sql, [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .unwrap()
    }

    /// What the kms itself does: its statements, on a new file.
    fn written_by_sqlite(file: &File) {
        let connection = Connection::open(&file.0).unwrap();
        for sql in [CONFIG_SQL, ACCOUNT_SQL] {
            let sql = sql.replacen("CREATE TABLE", "create table if not exists", 1);
            connection.execute(&sql, []).unwrap();
        }
        let hash = password().stored_hash();
        let sql = "INSERT INTO config (id, password, config_type) values (?1, ?2, ?3)";
        connection.execute(sql, params![1, hash, "sm"]).unwrap();
        insert(&connection, &account());
    }

    fn insert(connection: &Connection, account: &Account) {
        let encrypted = password().encrypt(Generation::V4, account.private());
        let sql = "INSERT INTO account (pubkey, privkey, description) values (?1, ?2, ?3)";
        connection
            .execute(sql, params![account.public(), encrypted, DESCRIPTION])
            .unwrap();
    }

    #[test]
    fn sqlite_reads_every_row_back() {
        let file = File::new("read");
        std::fs::write(&file.0, bytes()).unwrap();
        let connection = Connection::open(&file.0).unwrap();
        assert_eq!(integrity(&connection), "ok");

        let sql = "SELECT id, password, config_type FROM config";
        let config: (i64, [u8; 32], String) = connection
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap();
        assert_eq!(config, (1, password().stored_hash(), "sm".to_owned()));

        let (id, public, encrypted, description) = first_account(&connection);
        assert_eq!((id, description.as_str()), (KEY_ID, "create by cmd"));
        assert_eq!(&public, account().public());
        let private = password().decrypt(Generation::V4, &encrypted);
        assert_eq!(&*private, account().private());
        assert!(password().opens(Generation::V4, &encrypted, &public));
        assert!(!password().opens(Generation::V5, &encrypted, &public));
    }

    #[test]
    fn sqlite_goes_on_writing() {
        let file = File::new("write");
        std::fs::write(&file.0, bytes()).unwrap();
        let second = Account::from_private(&[2; 32]).unwrap();
        {
            let connection = Connection::open(&file.0).unwrap();
            insert(&connection, &second);
            assert_eq!(connection.last_insert_rowid(), 2);
            for scalar in 3..200 {
                insert(&connection, &Account::from_private(&[scalar; 32]).unwrap());
            }
        }
        let connection = Connection::open(&file.0).unwrap();
        assert_eq!(integrity(&connection), "ok");
        let sql = "SELECT count(*), (SELECT pubkey FROM account WHERE id = 2) FROM account";
        let (count, public): (i64, [u8; 64]) = connection
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!((count, &public), (198 + 1, second.public()));
        assert_eq!(&first_account(&connection).1, account().public());
    }

    #[test]
    fn the_bytes_are_those_of_sqlite_itself() {
        let file = File::new("same");
        written_by_sqlite(&file);
        let mut expected = std::fs::read(&file.0).unwrap();
        let written = bytes();
        assert_eq!(written.len(), 3 * 4096);
        assert_eq!(expected.len(), written.len());
        // The version of SQLite that wrote the file last.
        expected[96..100].copy_from_slice(&written[96..100]);
        assert_eq!(expected[..100], written[..100], "header");
        assert_eq!(expected[4096..], written[4096..], "tables");
        // Page 1: only free space may differ, where SQLite leaves what it wrote first.
        let start = usize::from(u16::from_be_bytes([written[105], written[106]]));
        let pointers_end = 100 + 8 + 2 * 2;
        assert_eq!(expected[100..pointers_end], written[100..pointers_end]);
        assert_eq!(expected[start..4096], written[start..4096], "schema");
    }

    #[test]
    fn vector_kms_db_schema() {
        let schema = vector("kms_db_schema");
        let file = File::new("schema");
        std::fs::write(&file.0, bytes()).unwrap();
        let connection = Connection::open(&file.0).unwrap();
        let sql = "SELECT group_concat(name) FROM sqlite_schema";
        let names: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(names, "config,account");
        for table in names.split(',') {
            let mut statement = connection
                .prepare("SELECT name, type FROM pragma_table_info(?1)")
                .unwrap();
            let columns: Vec<(String, String)> = statement
                .query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let expected = schema[table].as_array().unwrap();
            assert_eq!(columns.len(), expected.len());
            for ((name, kind), expected) in columns.iter().zip(expected) {
                assert_eq!(name, &expected[0]);
                let described = expected[1].as_str().unwrap().to_lowercase();
                assert!(
                    described.starts_with(&kind.to_lowercase()),
                    "{table}.{name}"
                );
            }
        }
    }

    #[test]
    fn vector_kms_create_stdout() {
        let created = vector("kms_create_stdout");
        assert_eq!(KEY_ID_FILE, text(&created, "key_id_file"));
        assert_eq!(KEY_ID_FILE, KEY_ID.to_string());
        assert!(text(&created, "line").starts_with(&format!("key_id:{KEY_ID_FILE},")));
    }
}
