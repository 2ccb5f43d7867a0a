//! A fault of the compiler that wide arithmetic brings out, found in what it made.
//!
//! An instruction such as `i64.mul_wide_s` has two results. LLVM keeps the first on the stack and puts the second into a
//! local; when the second is the earlier operand of what follows, its read is put before the instruction that makes it,
//! and the read gives what the local held before. So `i64::checked_mul` may find an overflow where there is none. In a
//! right program no local is read, left on the stack, and written before that value is used: locals are shared only by
//! values that are not alive at the same time.

use wasmparser::{FuncValidatorAllocations, Operator, Parser, ValidPayload, Validator};

use crate::BuildError;

/// The first function of a module in which a local is read too early, by its number; none in a right one.
pub fn find(package: &str, module: &[u8]) -> Result<Option<u32>, BuildError> {
    let broken = |why: wasmparser::BinaryReaderError| BuildError::Module {
        package: package.to_owned(),
        why: why.to_string(),
    };
    let mut validator = Validator::new_with_features(wasmparser::WasmFeatures::all());
    let mut room = FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(broken)?;
        let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(broken)?
        else {
            continue;
        };
        let number = function.index;
        let mut function = function.into_validator(std::mem::take(&mut room));
        let mut reader = body.get_operators_reader().map_err(broken)?;
        let mut locals = body.get_binary_reader();
        function.read_locals(&mut locals).map_err(broken)?;
        // For each value on the stack the local of which it is a plain read.
        let mut stack: Vec<Option<u32>> = Vec::new();
        while !reader.eof() {
            let position = reader.original_position();
            let operator = reader.read().map_err(broken)?;
            let arity = operator.operator_arity(&function);
            function.op(position, &operator).map_err(broken)?;
            let (takes, _) = arity.unwrap_or((0, 0));
            let takes = usize::try_from(takes).unwrap_or(usize::MAX);
            stack.truncate(stack.len().saturating_sub(takes));
            if let Operator::LocalSet { local_index } | Operator::LocalTee { local_index } =
                operator
                && stack.contains(&Some(local_index))
            {
                return Ok(Some(number));
            }
            let height = usize::try_from(function.operand_stack_height()).unwrap_or(usize::MAX);
            stack.resize(height, None);
            if let Operator::LocalGet { local_index } = operator
                && let Some(last) = stack.last_mut()
            {
                *last = Some(local_index);
            }
        }
        room = function.into_allocations();
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with one function of (i64, i64) -> i32 whose body is given.
    fn module(body: &[u8]) -> Vec<u8> {
        let mut code = vec![0];
        code.extend_from_slice(body);
        code.push(0x0b);
        let length = |bytes: usize| u8::try_from(bytes).unwrap();
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend([1, 7, 1, 0x60, 2, 0x7e, 0x7e, 1, 0x7f]);
        module.extend([3, 2, 1, 0]);
        module.extend([10, length(code.len() + 2), 1, length(code.len())]);
        module.extend(code);
        module
    }

    const GET_0: [u8; 2] = [0x20, 0];
    const GET_1: [u8; 2] = [0x20, 1];
    const SET_1: [u8; 2] = [0x21, 1];
    const WIDE: [u8; 2] = [0xfc, 0x15];
    const SIGN: [u8; 3] = [0x42, 63, 0x87];
    const DIFFERS: [u8; 1] = [0x52];

    #[test]
    fn the_body_that_rustc_makes_of_checked_mul_is_found() {
        // local.get 1, then the product whose second result goes to local 1: what is compared is the old one.
        let body = [&GET_1[..], &GET_0, &GET_1, &WIDE, &SET_1, &SIGN, &DIFFERS].concat();
        assert_eq!(find("x", &module(&body)).unwrap(), Some(0));
    }

    #[test]
    fn the_right_order_is_not() {
        let body = [&GET_0[..], &GET_1, &WIDE, &SET_1, &SIGN, &GET_1, &DIFFERS].concat();
        assert_eq!(find("x", &module(&body)).unwrap(), None);
    }
}
