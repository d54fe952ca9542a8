//! Somebody with a browser: it keeps cookies, says that it reads pages, and sends forms as they stand in a page.

use std::collections::BTreeMap;

use crate::house::{Answer, House};

pub(crate) struct Visitor<'h> {
    house: &'h House,
    cookies: BTreeMap<String, String>,
}

impl<'h> Visitor<'h> {
    pub(crate) fn of(house: &'h House) -> Self {
        Self {
            house,
            cookies: BTreeMap::new(),
        }
    }

    /// What the browser keeps of smswatch.
    pub(crate) fn cookies(&self) -> String {
        let cookies = self.cookies.iter();
        let cookies: Vec<String> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        cookies.join("; ")
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let cookies = self.cookies();
        let mut all = vec![
            ("accept", "text/html,application/xhtml+xml"),
            ("cookie", &*cookies),
        ];
        all.retain(|(name, value)| *name != "cookie" || !value.is_empty());
        all.extend(headers);
        let answer = self.house.send(method, path, &all, body).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("text");
            let pair = cookie
                .split(';')
                .next()
                .and_then(|pair| pair.split_once('='));
            let (name, value) = pair.expect("a name and a value");
            self.cookies.insert(name.to_owned(), value.to_owned());
            self.cookies.retain(|_, value| !value.is_empty());
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    /// Sends a form with these fields, and the key that the page at `page` gives out.
    pub(crate) async fn submit(
        &mut self,
        page: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let page = self.get(page).await.body;
        let key = page.split("name=\"form_key\" value=\"").nth(1);
        let key = key
            .and_then(|rest| rest.split('"').next())
            .expect("a form with its key")
            .to_owned();
        let fields: Vec<_> = [("form_key", &*key)]
            .into_iter()
            .chain(fields.iter().copied())
            .collect();
        self.post(action, &fields, &[]).await
    }

    /// Sends what no page of ours asked for.
    pub(crate) async fn post(
        &mut self,
        action: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let body = form.extend_pairs(fields).finish();
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend(headers);
        self.send("POST", action, &all, &body).await
    }
}
