//! Maps from a name to a message, with entries encoded the way Go does.
//!
//! prost leaves the value of an entry out when it equals the default. Decoders of Fabric 1.x make a
//! null pointer of that (and die on it), while a bare `{}` is common here: a capability has no
//! fields, and a read set names untouched elements by their version, which is 0. So both halves of
//! an entry are always written.

use std::collections::BTreeMap;

use prost::Message;
use prost::bytes::{Buf, BufMut};
use prost::encoding::{
    DecodeContext, WireType, btree_map, encode_key, encode_varint, encoded_len_varint, key_len,
    message, string,
};

/// Number of bytes inside one entry.
fn entry_len<M: Message>(name: &String, value: &M) -> usize {
    string::encoded_len(1, name) + message::encoded_len(2, value)
}

/// Writes all entries of `map` under field `tag`, in the order of the names.
pub fn encode<M: Message>(tag: u32, map: &BTreeMap<String, M>, buf: &mut impl BufMut) {
    for (name, value) in map {
        encode_key(tag, WireType::LengthDelimited, buf);
        encode_varint(entry_len(name, value) as u64, buf);
        string::encode(1, name, buf);
        message::encode(2, value, buf);
    }
}

/// Number of bytes that [`encode`] writes.
pub fn encoded_len<M: Message>(tag: u32, map: &BTreeMap<String, M>) -> usize {
    map.iter()
        .map(|(name, value)| {
            let len = entry_len(name, value);
            key_len(tag) + encoded_len_varint(len as u64) + len
        })
        .sum()
}

/// Reads one entry into `map`; an entry without a value gives the default of `M`.
pub fn merge<M: Message + Default>(
    wire_type: WireType,
    map: &mut BTreeMap<String, M>,
    buf: &mut impl Buf,
    ctx: DecodeContext,
) -> Result<(), prost::DecodeError> {
    prost::encoding::check_wire_type(WireType::LengthDelimited, wire_type)?;
    btree_map::merge(string::merge, message::merge, map, buf, ctx)
}

/// Whether a scalar has its default, and is left out.
pub fn is_default<T: Default + PartialEq>(scalar: &T) -> bool {
    *scalar == T::default()
}

/// Implements [`prost::Message`] for a structure whose fields are maps of messages (`map`), 64-bit
/// numbers (`uint64`) or texts (`string`), each given as `kind name = number`.
macro_rules! impl_message_with_maps {
    (@encode map, $field:expr, $tag:literal, $buf:ident) => {
        $crate::message_map::encode($tag, &$field, $buf)
    };
    (@encode $kind:ident, $field:expr, $tag:literal, $buf:ident) => {
        if !$crate::message_map::is_default(&$field) {
            ::prost::encoding::$kind::encode($tag, &$field, $buf)
        }
    };
    (@len map, $field:expr, $tag:literal) => {
        $crate::message_map::encoded_len($tag, &$field)
    };
    (@len $kind:ident, $field:expr, $tag:literal) => {
        if $crate::message_map::is_default(&$field) { 0 } else { ::prost::encoding::$kind::encoded_len($tag, &$field) }
    };
    (@merge map, $field:expr, $wire:ident, $buf:ident, $ctx:ident) => {
        $crate::message_map::merge($wire, &mut $field, $buf, $ctx)
    };
    (@merge $kind:ident, $field:expr, $wire:ident, $buf:ident, $ctx:ident) => {
        ::prost::encoding::$kind::merge($wire, &mut $field, $buf, $ctx)
    };
    ($message:ident { $($kind:ident $field:ident = $tag:literal),+ $(,)? }) => {
        impl ::prost::Message for $message {
            fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
                $($crate::message_map::impl_message_with_maps!(@encode $kind, self.$field, $tag, buf);)+
            }

            fn merge_field(
                &mut self,
                tag: u32,
                wire_type: ::prost::encoding::WireType,
                buf: &mut impl ::prost::bytes::Buf,
                ctx: ::prost::encoding::DecodeContext,
            ) -> Result<(), ::prost::DecodeError> {
                match tag {
                    $($tag => $crate::message_map::impl_message_with_maps!(
                        @merge $kind, self.$field, wire_type, buf, ctx
                    ).map_err(|mut error| {
                        error.push(stringify!($message), stringify!($field));
                        error
                    }),)+
                    _ => ::prost::encoding::skip_field(wire_type, tag, buf, ctx),
                }
            }

            fn encoded_len(&self) -> usize {
                0 $(+ $crate::message_map::impl_message_with_maps!(@len $kind, self.$field, $tag))+
            }

            fn clear(&mut self) {
                *self = Self::default();
            }
        }
    };
}

pub(crate) use impl_message_with_maps;
