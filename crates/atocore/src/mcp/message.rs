//! From bytes to a message of the protocol, or to the error that answers them.

use rmcp::model::{ClientJsonRpcMessage, ClientRequest, ErrorData, RequestId, ServerJsonRpcMessage};
use serde_json::Value;

/// The answer to what is not admitted; `None` where nothing is answered.
pub(super) type Refusal = Option<Box<ServerJsonRpcMessage>>;

/// The request that begins a session.
const INITIALIZE: &str = "initialize";

/// Reads one message. Anything else is built in memory only of what is none.
///
/// # Errors
/// What to answer to what is none. Nothing is answered to a notification, whatever is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<ClientJsonRpcMessage, Refusal> {
    serde_json::from_slice(bytes).map_err(|_| refusal(bytes))
}

fn refusal(bytes: &[u8]) -> Refusal {
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(error) => {
            let error = ErrorData::parse_error(format!("no JSON: {error}"), None);
            return Some(Box::new(ServerJsonRpcMessage::error(error, None)));
        }
    };
    let id = id_of(&value);
    let silent = id.is_none() && value.get("method").is_some() && value.get("id").is_none();
    let error = ErrorData::invalid_request("no message of the protocol", None);
    (!silent).then(|| Box::new(ServerJsonRpcMessage::error(error, id)))
}

/// What is answered to a message that is larger than anything that is read.
pub(super) fn too_large(limit: usize) -> Box<ServerJsonRpcMessage> {
    let words = format!("the message has more than {limit} bytes, which is the limit");
    Box::new(ServerJsonRpcMessage::error(ErrorData::invalid_request(words, None), None))
}

/// What is answered to a request that comes before the session and does not begin it.
pub(super) fn not_begun(request: &ClientRequest, id: &RequestId) -> Box<ServerJsonRpcMessage> {
    let error = if request.method() == INITIALIZE {
        unusable(INITIALIZE)
    } else {
        let words = "the session has not begun: send `initialize` first, or name the protocol version in the `_meta` of \
                     every request";
        ErrorData::invalid_request(words, None)
    };
    Box::new(ServerJsonRpcMessage::error(error, Some(id.clone())))
}

/// What is answered to a request of the protocol whose parameters are not those that it has.
pub(super) fn unusable(method: &str) -> ErrorData {
    let needs = match method {
        INITIALIZE => {
            ": it needs `protocolVersion`, `capabilities`, and `clientInfo` with `name` and `version`"
        }
        _ => "",
    };
    ErrorData::invalid_params(format!("the parameters of {method} cannot be used{needs}"), None)
}

fn id_of(value: &Value) -> Option<RequestId> {
    serde_json::from_value(value.get("id")?.clone()).ok()
}

/// Whether the protocol has a request of this name that a server may get.
pub(super) fn is_known(method: &str) -> bool {
    matches!(
        method,
        INITIALIZE
            | "ping"
            | "server/discover"
            | "tools/list"
            | "tools/call"
            | "prompts/list"
            | "prompts/get"
            | "resources/list"
            | "resources/templates/list"
            | "resources/read"
            | "resources/subscribe"
            | "resources/unsubscribe"
            | "subscriptions/listen"
            | "completion/complete"
            | "logging/setLevel"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Value {
        serde_json::to_value(read(text.as_bytes()).unwrap_err()).unwrap()
    }

    #[test]
    fn what_is_no_message_gets_the_error_of_the_protocol() {
        for text in ["", "{", "nonsense", "\u{0}", &"[".repeat(100_000)] {
            assert_eq!(refused(text)["error"]["code"], -32700, "{text:.20}");
        }
        for text in
            ["1", "[]", "{}", r#"{"id":3,"method":"ping"}"#, r#"{"jsonrpc":"1.0","id":3,"method":"ping"}"#]
        {
            assert_eq!(refused(text)["error"]["code"], -32600, "{text}");
        }
        assert_eq!(refused(r#"{"id":"seven","method":3}"#)["id"], "seven");
        assert_eq!(refused(r#"{"method":3}"#), Value::Null);
        assert!(read(br#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#).is_ok());
        assert!(read(br#"{"jsonrpc":"2.0","id":3,"method":"no/such","params":{"a":1}}"#).is_ok());
    }

    #[test]
    fn fuzzed_messages_are_read_or_answered_with_an_error_of_the_protocol() {
        let corpus: [&[u8]; 4] = [
            br#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"c","version":"1"}}}"#,
            br#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"atocore_search","arguments":{"query":"keys","top_k":3},"_meta":{"progressToken":7}}}"#,
            br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"x"}}"#,
            br#"{"jsonrpc":"2.0","id":2,"result":{"roots":[{"uri":"file:///a"}]}}"#,
        ];
        let dictionary = [
            "\"id\":",
            "null",
            "1e400",
            "-0",
            "\\ud83d",
            "[[[[",
            "{\"",
            "\"error\":{\"code\":1}",
            "\"params\":[]",
            "\u{feff}",
        ];
        let tried = atocore_testkit::fuzz::fuzz(3000, &corpus, &dictionary, |input| {
            let Err(answer) = read(input) else { return };
            let Some(answer) = answer else { return };
            let code = serde_json::to_value(&answer).unwrap()["error"]["code"].as_i64();
            assert!(matches!(code, Some(-32700 | -32600)), "{answer:?}");
        });
        println!("{} inputs", tried.unwrap());
    }
}
