//! From texts to encoded policies.

use fabric_proto::Message;
use fabric_proto::policies::{
    ImplicitMetaPolicy, ImplicitMetaRule, MspPrincipal, MspRole, MspRoleType, NOutOf,
    PrincipalClassification, SignaturePolicy, SignaturePolicyEnvelope, SignatureRule,
};

use super::{MAX_DEPTH, MAX_TEXT, PolicyError, shortened};

/// Reads `ANY Readers` and the like.
pub fn parse_implicit(text: &str) -> Result<ImplicitMetaPolicy, PolicyError> {
    let fault = |expected| PolicyError::Syntax {
        text: shortened(text),
        at: 0,
        expected,
    };
    let mut words = text.split_whitespace();
    let (Some(rule), Some(name), None) = (words.next(), words.next(), words.next()) else {
        return Err(fault(
            "a rule and the name of a policy, such as `ANY Readers`",
        ));
    };
    let rule = match rule {
        "ANY" => ImplicitMetaRule::Any,
        "ALL" => ImplicitMetaRule::All,
        "MAJORITY" => ImplicitMetaRule::Majority,
        _ => return Err(fault("ANY, ALL or MAJORITY")),
    };
    Ok(ImplicitMetaPolicy {
        sub_policy: name.to_owned(),
        rule: rule as i32,
    })
}

/// Reads `OR('Org1MSP.admin', ..)` and the like.
///
/// Principals are numbered in the order of reading and repeated ones are not merged, as Fabric does;
/// a policy in a vector is thus reproduced byte by byte.
pub fn parse_signature(text: &str) -> Result<SignaturePolicyEnvelope, PolicyError> {
    let mut parser = Parser {
        text,
        at: 0,
        identities: Vec::new(),
    };
    if text.len() > MAX_TEXT {
        return Err(parser.fault("at most 65536 bytes"));
    }
    let rule = parser.gate(0)?;
    parser.spaces();
    if !parser.rest().is_empty() {
        return Err(parser.fault("the end"));
    }
    Ok(SignaturePolicyEnvelope {
        version: 0,
        rule: Some(rule),
        identities: parser.identities,
    })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    identities: Vec<MspPrincipal>,
}

/// What a gate's threshold is.
enum Threshold {
    One,
    Every,
    Given(i64),
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, expected: &'static str) -> PolicyError {
        PolicyError::Syntax {
            text: shortened(self.text),
            at: self.at,
            expected,
        }
    }

    fn spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes one character, if it is next.
    fn take(&mut self, wanted: char) -> bool {
        self.spaces();
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    /// Takes the longest run of characters that `keep` likes.
    fn run(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        self.spaces();
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn gate(&mut self, depth: usize) -> Result<SignaturePolicy, PolicyError> {
        if depth >= MAX_DEPTH {
            return Err(self.fault("fewer levels of rules"));
        }
        self.spaces();
        let start = self.at;
        let threshold = match self.run(|c| c.is_ascii_alphabetic()) {
            "AND" | "And" | "and" => Threshold::Every,
            "OR" | "Or" | "or" => Threshold::One,
            "OutOf" | "OUTOF" | "outof" => Threshold::Given(0),
            _ => {
                self.at = start;
                return Err(self.fault("AND, OR or OutOf"));
            }
        };
        if !self.take('(') {
            return Err(self.fault("`(`"));
        }
        let mut rules = Vec::new();
        let threshold = match threshold {
            Threshold::Given(_) => {
                let quote = self.quote();
                let digits = self.run(|c| c.is_ascii_digit() || c == '-');
                // As an i64 it would set off the fault of which the toolchain's `misplaced` tells.
                let n: i32 = digits.parse().map_err(|_| self.fault("a number"))?;
                if quote.is_some_and(|quote| !self.take(quote)) {
                    return Err(self.fault("a closing quote"));
                }
                if self.take(',') {
                    self.rules(depth, &mut rules)?;
                }
                Threshold::Given(i64::from(n))
            }
            other => {
                self.rules(depth, &mut rules)?;
                other
            }
        };
        if !self.take(')') {
            return Err(self.fault("`,` or `)`"));
        }
        let count = rules.len();
        let n = match threshold {
            Threshold::One => 1,
            Threshold::Every => i32::try_from(count).unwrap_or(i32::MAX),
            Threshold::Given(n) => {
                // One more than there are rules is what Fabric lets through: nobody satisfies it.
                let max = count + 1;
                i32::try_from(n)
                    .ok()
                    .filter(|n| usize::try_from(*n).is_ok_and(|n| n <= max))
                    .ok_or_else(|| PolicyError::Threshold {
                        text: shortened(self.text),
                        n,
                        count,
                        max,
                    })?
            }
        };
        Ok(SignaturePolicy {
            r#type: Some(SignatureRule::NOutOf(NOutOf { n, rules })),
        })
    }

    fn rules(&mut self, depth: usize, rules: &mut Vec<SignaturePolicy>) -> Result<(), PolicyError> {
        loop {
            let rule = match self.quote() {
                Some(quote) => self.principal(quote)?,
                None => self.gate(depth + 1)?,
            };
            rules.push(rule);
            if !self.take(',') {
                return Ok(());
            }
        }
    }

    fn quote(&mut self) -> Option<char> {
        ['\'', '"'].into_iter().find(|quote| self.take(*quote))
    }

    fn principal(&mut self, quote: char) -> Result<SignaturePolicy, PolicyError> {
        const EXPECTED: &str = "an MSP ID of letters, digits, `.` and `-`, then `.member`, `.admin`, `.client`, `.peer` or `.orderer`";
        let start = self.at;
        let rest = self.rest();
        let inner = rest
            .find(quote)
            .and_then(|end| rest.get(..end))
            .ok_or_else(|| self.fault("a closing quote"))?;
        let refused = || PolicyError::Syntax {
            text: shortened(self.text),
            at: start,
            expected: EXPECTED,
        };
        let (msp_id, role) = inner.rsplit_once('.').ok_or_else(refused)?;
        let known = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if msp_id.is_empty() || !msp_id.chars().all(known) {
            return Err(refused());
        }
        let role = match role {
            "member" => MspRoleType::Member,
            "admin" => MspRoleType::Admin,
            "client" => MspRoleType::Client,
            "peer" => MspRoleType::Peer,
            "orderer" => MspRoleType::Orderer,
            _ => return Err(refused()),
        };
        self.at += inner.len() + quote.len_utf8();
        let index = i32::try_from(self.identities.len()).unwrap_or(i32::MAX);
        self.identities.push(MspPrincipal {
            principal_classification: PrincipalClassification::Role as i32,
            principal: MspRole {
                msp_identifier: msp_id.to_owned(),
                role: role as i32,
            }
            .encode_to_vec(),
        });
        Ok(SignaturePolicy {
            r#type: Some(SignatureRule::SignedBy(index)),
        })
    }
}
