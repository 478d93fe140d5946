//! Members, which are users, and their sessions.

use crate::error::Error;
use crate::request::{Client, PageOf};
use offshoot_api_types::{
    CreateMember, Member, MemberPassword, Page, SetMemberPassword, UpdateMember, UserSession,
};
use reqwest::Method;

impl Client {
    pub async fn list_members(&self, org: &str, page: PageOf) -> Result<Page<Member>, Error> {
        self.get(&["organizations", org, "members"], &page.pairs())
            .await
    }

    pub async fn create_member(
        &self,
        org: &str,
        body: &CreateMember,
    ) -> Result<MemberPassword, Error> {
        self.send(Method::POST, &["organizations", org, "members"], body)
            .await
    }

    /// `member`: id, or e-mail address.
    pub async fn update_member(
        &self,
        org: &str,
        member: &str,
        body: &UpdateMember,
    ) -> Result<Member, Error> {
        let path = ["organizations", org, "members", member];
        self.send(Method::PATCH, &path, body).await
    }

    /// `member`: id, or e-mail address.
    pub async fn set_member_password(
        &self,
        org: &str,
        member: &str,
        body: &SetMemberPassword,
    ) -> Result<MemberPassword, Error> {
        let path = ["organizations", org, "members", member, "password"];
        self.send(Method::PUT, &path, body).await
    }

    /// `member`: id, or e-mail address.
    pub async fn delete_member(&self, org: &str, member: &str) -> Result<(), Error> {
        let url = self.url(&["organizations", org, "members", member]);
        self.discard(self.request(Method::DELETE, url)).await
    }

    pub async fn list_sessions(&self, org: &str, page: PageOf) -> Result<Page<UserSession>, Error> {
        self.get(&["organizations", org, "sessions"], &page.pairs())
            .await
    }

    pub async fn revoke_session(&self, org: &str, id: &str) -> Result<(), Error> {
        let url = self.url(&["organizations", org, "sessions", id]);
        self.discard(self.request(Method::DELETE, url)).await
    }
}
