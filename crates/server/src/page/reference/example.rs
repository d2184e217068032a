//! A call of a method, written in the languages of those who call. The tests run what is shown here.

use serde_json::Value;

use super::document::{Answer, Body, Method, Place};

/// In place of the name and the password of an API user.
pub const CREDENTIALS: &str = "API_USER:PASSWORD";
/// The file that examples send and keep.
pub const FILE: &str = "faktura.pdf";

/// What is used to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    Curl,
    Php,
    Python,
    JavaScript,
    Java,
}

impl Tool {
    pub const ALL: [Self; 5] = [Self::Curl, Self::Php, Self::Python, Self::JavaScript, Self::Java];

    pub fn key(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Php => "php",
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::Java => "java",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Php => "PHP",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::Java => "Java",
        }
    }

    pub fn write(self, call: &Call<'_>) -> String {
        match self {
            Self::Curl => curl(call),
            Self::Php => php(call),
            Self::Python => python(call),
            Self::JavaScript => javascript(call),
            Self::Java => java(call),
        }
    }
}

/// What is called, with values that stand for the caller's own.
pub struct Call<'a> {
    verb: &'a str,
    url: String,
    body: &'a Body,
    answer: &'a Answer,
}

impl<'a> Call<'a> {
    pub fn of(method: &'a Method, base_url: &str) -> Self {
        let mut url = format!("{base_url}{}", method.path);
        for part in method.of(Place::Path) {
            let value = plain(part.sample.as_ref());
            url = url.replace(&format!("{{{}}}", part.name), &value);
        }
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let is_file = method.body == Body::File;
        for parameter in method.of(Place::Query) {
            // A file has a name, if not by the rules.
            let Some(sample) = &parameter.sample else { continue };
            if !(parameter.is_required || is_file) {
                continue;
            }
            for one in sample.as_array().unwrap_or(&vec![sample.clone()]) {
                query.append_pair(&parameter.name, &plain(Some(one)));
            }
        }
        let query = query.finish();
        if !query.is_empty() {
            url = format!("{url}?{query}");
        }
        Self { verb: &method.verb, url, body: &method.body, answer: &method.answer }
    }

    fn content_type(&self) -> Option<&'static str> {
        match self.body {
            Body::Nothing => None,
            Body::Json(_) => Some("application/json"),
            Body::File => Some("application/octet-stream"),
        }
    }
}

fn plain(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

/// JSON on lines of its own, from the second on with so many spaces before them.
fn indented(value: &Value, spaces: usize) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.replace('\n', &format!("\n{}", " ".repeat(spaces)))
}

/// Each on a line of its own, between what all of them have.
fn lines<T: AsRef<str>>(before: &str, all: &[T], after: &str) -> String {
    all.iter().fold(String::new(), |mut text, line| {
        text.extend([before, line.as_ref(), after, "\n"]);
        text
    })
}

/// In single quotes of a shell.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn curl(call: &Call<'_>) -> String {
    let mut parts = vec![format!("curl --fail-with-body --user {}", shell(CREDENTIALS))];
    if call.verb != "GET" {
        parts.push(format!("--request {}", call.verb));
    }
    if let Some(kind) = call.content_type() {
        parts.push(format!("--header {}", shell(&format!("Content-Type: {kind}"))));
    }
    match call.body {
        Body::Nothing => {}
        Body::Json(value) => parts.push(format!("--data {}", shell(&indented(value, 0)))),
        Body::File => parts.push(format!("--data-binary @{FILE}")),
    }
    match call.answer {
        Answer::Events => parts.push("--no-buffer".to_owned()),
        Answer::File => parts.push(format!("--output {FILE}")),
        _ => {}
    }
    parts.push(shell(&call.url));
    parts.join(" \\\n  ")
}

/// A literal of PHP or Python, whose objects, lists and names of constants differ from JSON's.
struct Literal {
    object: [&'static str; 2],
    arrow: &'static str,
    constants: [&'static str; 3],
}

const OF_PHP: Literal =
    Literal { object: ["[", "]"], arrow: " => ", constants: ["null", "true", "false"] };
const OF_PYTHON: Literal =
    Literal { object: ["{", "}"], arrow: ": ", constants: ["None", "True", "False"] };

impl Literal {
    fn write(&self, value: &Value, spaces: usize) -> String {
        let pad = " ".repeat(spaces + 4);
        let block = |open: &str, parts: Vec<String>, close: &str| {
            if parts.is_empty() {
                return format!("{open}{close}");
            }
            let lines = lines(&pad, &parts, ",");
            format!("{open}\n{lines}{}{close}", " ".repeat(spaces))
        };
        match value {
            Value::Null => self.constants[0].to_owned(),
            Value::Bool(true) => self.constants[1].to_owned(),
            Value::Bool(false) => self.constants[2].to_owned(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => self.quoted(text),
            Value::Array(all) if all.iter().all(|it| !it.is_object() && !it.is_array()) => {
                let all: Vec<_> = all.iter().map(|it| self.write(it, 0)).collect();
                format!("[{}]", all.join(", "))
            }
            Value::Array(all) => {
                block("[", all.iter().map(|it| self.write(it, spaces + 4)).collect(), "]")
            }
            Value::Object(all) => {
                let line = |(name, value): (&String, &Value)| {
                    format!("{}{}{}", self.quoted(name), self.arrow, self.write(value, spaces + 4))
                };
                block(self.object[0], all.iter().map(line).collect(), self.object[1])
            }
        }
    }

    /// JSON's quotes are Python's. In PHP's double ones a dollar would begin a variable.
    fn quoted(&self, text: &str) -> String {
        if self.arrow == OF_PHP.arrow {
            format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
        } else {
            Value::from(text).to_string()
        }
    }
}

fn php(call: &Call<'_>) -> String {
    let mut before = String::new();
    let mut options = Vec::new();
    if call.verb != "GET" {
        options.push(format!("CURLOPT_CUSTOMREQUEST => '{}'", call.verb));
    }
    options.push(format!("CURLOPT_USERPWD => '{CREDENTIALS}'"));
    match call.body {
        Body::Nothing => {}
        Body::Json(value) => {
            before = format!("$body = json_encode({});\n", OF_PHP.write(value, 0));
        }
        Body::File => before = format!("$body = file_get_contents('{FILE}');\n"),
    }
    if let Some(kind) = call.content_type() {
        // What is counted is bytes: a client that counts characters has its body cut at the first Polish letter.
        options.push(format!(
            "CURLOPT_HTTPHEADER => [\n        'Content-Type: {kind}',\n        'Content-Length: ' . strlen($body),\n    ]"
        ));
        options.push("CURLOPT_POSTFIELDS => $body".to_owned());
    }
    let mut after = "echo curl_getinfo($curl, CURLINFO_RESPONSE_CODE), ' ', $answer, PHP_EOL;\n";
    match call.answer {
        Answer::Events => {
            let write = "CURLOPT_WRITEFUNCTION => function ($curl, $events) {\n        echo $events;\n        return strlen($events);\n    }";
            options.push(write.to_owned());
            after = "";
        }
        Answer::File => {
            options.push("CURLOPT_RETURNTRANSFER => true".to_owned());
            after = "echo curl_getinfo($curl, CURLINFO_RESPONSE_CODE), PHP_EOL;\nfile_put_contents('faktura.pdf', $answer);\n";
        }
        _ => options.push("CURLOPT_RETURNTRANSFER => true".to_owned()),
    }
    let options = lines("    ", &options, ",");
    let run =
        if after.is_empty() { "curl_exec($curl);\n" } else { "$answer = curl_exec($curl);\n" };
    let url = OF_PHP.quoted(&call.url);
    format!(
        "<?php\n{before}$curl = curl_init({url});\ncurl_setopt_array($curl, [\n{options}]);\n{run}{after}"
    )
}

fn python(call: &Call<'_>) -> String {
    let mut imports = vec!["base64", "urllib.request"];
    let mut arguments = vec![Value::from(&*call.url).to_string()];
    if call.verb != "GET" {
        arguments.push(format!("method=\"{}\"", call.verb));
    }
    let kind = call.content_type();
    let kind = kind.map(|kind| format!(", \"Content-Type\": \"{kind}\"")).unwrap_or_default();
    arguments.push(format!("headers={{\"Authorization\": \"Basic \" + key{kind}}}"));
    match call.body {
        Body::Nothing => {}
        Body::Json(value) => {
            imports.insert(1, "json");
            arguments.push(format!("data=json.dumps({}).encode()", OF_PYTHON.write(value, 4)));
        }
        Body::File => arguments.push(format!("data=open(\"{FILE}\", \"rb\").read()")),
    }
    let show = match call.answer {
        Answer::Events => {
            "    print(answer.status)\n    for line in answer:\n        print(line.decode(), end=\"\")\n".to_owned()
        }
        Answer::File => {
            format!("    print(answer.status)\n    open(\"{FILE}\", \"wb\").write(answer.read())\n")
        }
        _ => "    print(answer.status, answer.read().decode())\n".to_owned(),
    };
    let imports = lines("import ", &imports, "");
    let arguments = lines("    ", &arguments, ",");
    format!(
        "{imports}\nkey = base64.b64encode(\"{CREDENTIALS}\".encode()).decode()\nrequest = urllib.request.Request(\n{arguments})\nwith urllib.request.urlopen(request) as answer:\n{show}"
    )
}

fn javascript(call: &Call<'_>) -> String {
    let mut imports = Vec::new();
    let mut given = Vec::new();
    if call.verb != "GET" {
        given.push(format!("method: \"{}\"", call.verb));
    }
    let kind = call.content_type();
    let kind = kind.map(|kind| format!(", \"Content-Type\": \"{kind}\"")).unwrap_or_default();
    given.push(format!("headers: {{ Authorization: `Basic ${{key}}`{kind} }}"));
    match call.body {
        Body::Nothing => {}
        Body::Json(value) => given.push(format!("body: JSON.stringify({})", indented(value, 2))),
        Body::File => {
            imports.push("readFile");
            given.push(format!("body: await readFile(\"{FILE}\")"));
        }
    }
    let show = match call.answer {
        Answer::Events => {
            "const texts = answer.body.pipeThrough(new TextDecoderStream());\nfor await (const text of texts) process.stdout.write(text);\n".to_owned()
        }
        Answer::File => {
            imports.push("writeFile");
            format!("console.log(answer.status);\nawait writeFile(\"{FILE}\", Buffer.from(await answer.arrayBuffer()));\n")
        }
        _ => "console.log(answer.status, await answer.text());\n".to_owned(),
    };
    let imports = match &imports[..] {
        [] => String::new(),
        names => format!("import {{ {} }} from \"node:fs/promises\";\n\n", names.join(", ")),
    };
    let lines = lines("  ", &given, ",");
    let url = Value::from(&*call.url);
    format!(
        "{imports}const key = btoa(\"{CREDENTIALS}\");\nconst answer = await fetch({url}, {{\n{lines}}});\n{show}"
    )
}

fn java(call: &Call<'_>) -> String {
    let has_file = *call.body == Body::File || matches!(call.answer, Answer::File);
    let path = if has_file { "import java.nio.file.Path;\n" } else { "" };
    let kind = call.content_type();
    let kind = kind
        .map(|kind| format!("\n            .header(\"Content-Type\", \"{kind}\")"))
        .unwrap_or_default();
    let publisher = match call.body {
        Body::Nothing => "HttpRequest.BodyPublishers.noBody()".to_owned(),
        Body::File => format!("HttpRequest.BodyPublishers.ofFile(Path.of(\"{FILE}\"))"),
        Body::Json(value) => {
            let text = indented(value, 16).replace('\\', r"\\");
            format!("HttpRequest.BodyPublishers.ofString(\"\"\"\n                {text}\"\"\")")
        }
    };
    let (handler, show) = match call.answer {
        Answer::Events => ("ofLines()", "answer.body().forEach(System.out::println);"),
        Answer::File => {
            ("ofFile(Path.of(\"faktura.pdf\"))", "System.out.println(answer.statusCode());")
        }
        _ => ("ofString()", "System.out.println(answer.statusCode() + \" \" + answer.body());"),
    };
    format!(
        r#"import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
{path}import java.util.Base64;

class Example {{
    public static void main(String[] arguments) throws Exception {{
        var key = Base64.getEncoder().encodeToString("{CREDENTIALS}".getBytes("UTF-8"));
        var request = HttpRequest.newBuilder(URI.create("{}"))
            .header("Authorization", "Basic " + key){kind}
            .method("{}", {publisher})
            .build();
        var client = HttpClient.newHttpClient();
        var answer = client.send(request, HttpResponse.BodyHandlers.{handler});
        {show}
    }}
}}
"#,
        call.url, call.verb,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_stays_what_it_is_in_every_language() {
        let odd = serde_json::json!({"text": "it's $5 \\ \"ż\"", "is": [true, null]});
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(
            OF_PHP.write(&odd, 0),
            "[\n    'is' => [true, null],\n    'text' => 'it\\'s $5 \\\\ \"ż\"',\n]"
        );
        assert_eq!(
            OF_PYTHON.write(&odd, 0),
            "{\n    \"is\": [True, None],\n    \"text\": \"it's $5 \\\\ \\\"ż\\\"\",\n}"
        );
    }
}
