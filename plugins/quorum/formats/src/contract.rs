//! The contract that shows whether a network works: one number, set at the making and readable.
//!
//! Its interface is that of the contract that the original ships: `storedData()`, `set(uint256)`,
//! `get()` and a constructor with the first value. The code here is assembled by hand from those
//! signatures, in opcodes that every client since Byzantium has. Deployed for some privacy managers
//! only, it is private: other nodes then see no code and no number.

use serde_json::{Value, json};

use crate::address::Address;
use crate::quantity::Quantity;
use crate::rlp::Item;
use crate::tessera_key::TesseraPublicKey;

/// The number that the original deploys with.
pub const INITIAL_VALUE: u64 = 42;
/// Gas that is offered for the deployment.
pub const GAS: u64 = 0x0047_b760;
/// The selector of `storedData()`.
pub const STORED_DATA: [u8; 4] = [0x2a, 0x1a, 0xfc, 0xd9];
/// The selector of `set(uint256)`.
pub const SET: [u8; 4] = [0x60, 0xfe, 0x47, 0xb1];
/// The selector of `get()`.
pub const GET: [u8; 4] = [0x6d, 0x4c, 0xe6, 0x3c];

/// Runs once: stores the argument that follows the code, and returns the code that stays.
const INIT: &str = "60206076600039600051600055605d6019600039605d6000f3";

/// The code that stays. It refuses ether, divides the selector out of the call data, and jumps to
/// the reader (`storedData` and `get`), the writer (`set`) or a refusal.
const RUNTIME: &str = "346044576000357c01000000000000000000000000000000000000000000000000000000\
    00900480632a1afcd91460495780636d4ce63c146049576360fe47b1146055575b600080fd\
    5b60005460005260206000f35b60043560005500";

/// The interface, as wallets and the console read it.
pub const ABI: &str = concat!(
    r#"[{"type":"constructor","payable":false,"inputs":[{"name":"initVal","type":"uint256"}]},"#,
    r#"{"type":"function","name":"storedData","constant":true,"payable":false,"inputs":[],"#,
    r#""outputs":[{"name":"","type":"uint256"}]},"#,
    r#"{"type":"function","name":"set","constant":false,"payable":false,"#,
    r#""inputs":[{"name":"x","type":"uint256"}],"outputs":[]},"#,
    r#"{"type":"function","name":"get","constant":true,"payable":false,"inputs":[],"#,
    r#""outputs":[{"name":"retVal","type":"uint256"}]}]"#
);

/// The data of the transaction that deploys the contract: `0x`, code and first value.
#[must_use]
pub fn deployment(initial: Quantity) -> String {
    format!("0x{INIT}{RUNTIME}{}", hex::encode(initial.as_bytes()))
}

/// The data of a call that writes.
#[must_use]
pub fn set_data(value: Quantity) -> String {
    format!("0x{}{}", hex::encode(SET), hex::encode(value.as_bytes()))
}

/// The data of a call that reads.
#[must_use]
pub fn get_data() -> String {
    format!("0x{}", hex::encode(GET))
}

/// The address of the contract that an account deploys with its transaction of this number, the first being 0.
#[must_use]
pub fn created(from: Address, nonce: u64) -> Address {
    let parts = vec![
        Item::bytes(from.as_bytes().to_vec()),
        Item::number(&nonce.to_be_bytes()),
    ];
    Address::of_hashed(&Item::List(parts).encode())
}

/// Reads the answer of a call that reads: 32 bytes. An empty answer (`0x`) is no number: the node
/// has no such contract, or no part in a private one.
#[must_use]
pub fn value(answer: &str) -> Option<Quantity> {
    let digits = answer.strip_prefix("0x")?;
    (digits.len() == 64).then(|| answer.parse().ok()).flatten()
}

/// The object of `eth_sendTransaction`, with the number of the account's transaction where it is said: one that was sent
/// already is then not sent twice. With recipients it is private; the sender's own privacy manager need not be among them.
#[must_use]
pub fn transaction(
    from: Address,
    nonce: Option<u64>,
    to: Option<Address>,
    data: &str,
    private_for: &[TesseraPublicKey],
) -> Value {
    let mut transaction = json!({
        "from": from,
        "gas": format!("{GAS:#x}"),
        "gasPrice": "0x0",
        "data": data,
    });
    if let Some(fields) = transaction.as_object_mut() {
        if let Some(nonce) = nonce {
            fields.insert("nonce".to_owned(), json!(format!("{nonce:#x}")));
        }
        if let Some(to) = to {
            fields.insert("to".to_owned(), json!(to));
        }
        if !private_for.is_empty() {
            let keys: Vec<String> = private_for.iter().map(ToString::to_string).collect();
            fields.insert("privateFor".to_owned(), json!(keys));
        }
    }
    transaction
}

/// A script for the console (`loadScript`): deploys the contract from the node's first account, and
/// prints the hash of the transaction, then the address once there is one.
#[must_use]
pub fn console_script(initial: Quantity, private_for: &[TesseraPublicKey]) -> String {
    let keys: Vec<String> = private_for.iter().map(ToString::to_string).collect();
    let private = if keys.is_empty() {
        String::new()
    } else {
        format!(", privateFor: {}", json!(keys))
    };
    format!(
        "var from = eth.accounts[0];\n\
         var abi = {ABI};\n\
         var code = \"0x{INIT}{RUNTIME}\";\n\
         eth.contract(abi).new(\"{initial}\", {{from: from, data: code, gas: {GAS:#x}{private}}}, \
         function (failure, made) {{\n  \
           if (failure) {{\n    console.log(\"failed: \" + failure);\n  \
           }} else if (made.address) {{\n    console.log(\"address: \" + made.address);\n  \
           }} else {{\n    console.log(\"transaction: \" + made.transactionHash);\n  }}\n}});\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keccak::keccak256;

    type Word = [u8; 32];

    #[test]
    fn addresses_of_contracts_are_those_that_everybody_quotes() {
        let from = "0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"
            .parse()
            .unwrap();
        for (nonce, address) in [
            (0, "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"),
            (1, "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8"),
            (2, "0xf778b86fa74e846c4f0a1fbd1335fe81c00a0c91"),
            (3, "0xfffd933a0bc612844eaf0c6fe3e5b8e9b6c1d19c"),
        ] {
            assert_eq!(created(from, nonce), address.parse().unwrap(), "{nonce}");
        }
    }

    fn word(number: u64) -> Word {
        *Quantity::from(number).as_bytes()
    }

    fn small(word: &Word) -> usize {
        usize::from(word[31]) + 256 * usize::from(word[30])
    }

    /// Runs code with the few opcodes that the contract has. Gives what it returns, or nothing when
    /// it refuses.
    fn run(code: &[u8], ether: u64, data: &[u8], stored: &mut Word) -> Option<Vec<u8>> {
        let mut memory = vec![0; 512];
        let (mut stack, mut at) = (Vec::<Word>::new(), 0);
        loop {
            let opcode = code.get(at).copied().unwrap_or(0);
            at += 1;
            match opcode {
                0x00 => return Some(vec![]),
                0x04 => {
                    let dividend = stack.pop().unwrap();
                    let divisor = stack.pop().unwrap();
                    assert_eq!(divisor[3], 1, "only 2^224");
                    let mut quotient = [0; 32];
                    quotient[28..].copy_from_slice(&dividend[..4]);
                    stack.push(quotient);
                }
                0x14 => {
                    let equal = stack.pop() == stack.pop();
                    stack.push(word(equal.into()));
                }
                0x34 => stack.push(word(ether)),
                0x35 => {
                    let from = small(&stack.pop().unwrap());
                    let mut read = [0; 32];
                    for (to, byte) in read.iter_mut().zip(data.iter().skip(from)) {
                        *to = *byte;
                    }
                    stack.push(read);
                }
                0x39 => {
                    let mut next = || small(&stack.pop().unwrap());
                    let (to, from, length) = (next(), next(), next());
                    memory[to..to + length].copy_from_slice(&code[from..from + length]);
                }
                0x51 => {
                    let from = small(&stack.pop().unwrap());
                    stack.push(memory[from..from + 32].try_into().unwrap());
                }
                0x52 => {
                    let to = small(&stack.pop().unwrap());
                    memory[to..to + 32].copy_from_slice(&stack.pop().unwrap());
                }
                0x54 => {
                    assert_eq!(stack.pop(), Some(word(0)));
                    stack.push(*stored);
                }
                0x55 => {
                    assert_eq!(stack.pop(), Some(word(0)));
                    *stored = stack.pop().unwrap();
                }
                0x57 => {
                    let to = small(&stack.pop().unwrap());
                    if stack.pop() != Some(word(0)) {
                        assert_eq!(code[to], 0x5b, "jumps to a mark");
                        at = to;
                    }
                }
                0x5b => {}
                0x60..=0x7f => {
                    let length = usize::from(opcode - 0x5f);
                    let mut pushed = [0; 32];
                    pushed[32 - length..].copy_from_slice(&code[at..at + length]);
                    stack.push(pushed);
                    at += length;
                }
                0x80 => stack.push(*stack.last().unwrap()),
                0x90 => {
                    let top = stack.len() - 1;
                    stack.swap(top, top - 1);
                }
                0xf3 => {
                    let mut next = || small(&stack.pop().unwrap());
                    let (from, length) = (next(), next());
                    return Some(memory[from..from + length].to_vec());
                }
                0xfd => return None,
                other => panic!("opcode {other:#x}"),
            }
        }
    }

    fn unhex(text: &str) -> Vec<u8> {
        hex::decode(text.strip_prefix("0x").unwrap_or(text)).unwrap()
    }

    #[test]
    fn the_contract_keeps_a_number() {
        let mut stored = word(0);
        let code = unhex(&deployment(Quantity::from(INITIAL_VALUE)));
        let code = run(&code, 0, &[], &mut stored).unwrap();
        assert_eq!(code, unhex(RUNTIME));
        assert_eq!(stored, word(42));
        for reader in [STORED_DATA, GET] {
            assert_eq!(run(&code, 0, &reader, &mut stored), Some(word(42).to_vec()));
        }
        let call = unhex(&set_data(Quantity::from(70_000)));
        assert_eq!(run(&code, 0, &call, &mut stored), Some(vec![]));
        let read = run(&code, 0, &unhex(&get_data()), &mut stored).unwrap();
        let answer = format!("0x{}", hex::encode(read));
        assert_eq!(value(&answer), Some(Quantity::from(70_000)));
    }

    #[test]
    fn ether_and_unknown_calls_are_refused() {
        let mut stored = word(1);
        let code = unhex(RUNTIME);
        assert_eq!(run(&code, 1, &GET, &mut stored), None);
        assert_eq!(run(&code, 0, &[1, 2, 3, 4], &mut stored), None);
        assert_eq!(run(&code, 0, &[], &mut stored), None);
        assert_eq!(stored, word(1));
    }

    #[test]
    fn selectors_are_hashes_of_their_signatures() {
        for (signature, selector) in [
            ("storedData()", STORED_DATA),
            ("set(uint256)", SET),
            ("get()", GET),
        ] {
            assert_eq!(keccak256(signature.as_bytes())[..4], selector);
        }
        let abi: Value = serde_json::from_str(ABI).unwrap();
        assert_eq!(abi.as_array().unwrap().len(), 4);
    }

    #[test]
    fn transactions_are_private_with_recipients() {
        let from = Address::from_bytes([1; 20]);
        let public = transaction(from, None, None, "0x00", &[]);
        assert_eq!(public["gas"], "0x47b760");
        assert!(public.get("privateFor").is_none() && public.get("to").is_none());
        let key = TesseraPublicKey::from_bytes([7; 32]);
        let private = transaction(from, Some(7), Some(from), "0x00", &[key]);
        assert_eq!(private["privateFor"], json!([key.to_string()]));
        assert_eq!(private["to"], from.to_string());
    }

    #[test]
    fn scripts_name_the_recipients() {
        let key = TesseraPublicKey::from_bytes([7; 32]);
        let public = console_script(Quantity::from(42), &[]);
        assert!(public.contains("new(\"42\", {from: from, data: code, gas: 0x47b760}, function"));
        let private = console_script(Quantity::from(42), &[key]);
        assert!(private.contains(&format!("gas: 0x47b760, privateFor: [\"{key}\"]}}")));
    }

    #[test]
    fn an_empty_answer_is_no_number() {
        assert_eq!(value("0x"), None);
        assert_eq!(value(""), None);
    }
}
