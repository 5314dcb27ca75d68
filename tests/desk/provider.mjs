// A real OpenID Connect provider for tests: one client, people who sign in by typing their name.
import { Provider } from "oidc-provider";

const [port, client, secret, callback] = process.argv.slice(2);
const provider = new Provider(`http://localhost:${port}`, {
  clients: [{ client_id: client, client_secret: secret, redirect_uris: [callback], token_endpoint_auth_method: "client_secret_post" }],
  pkce: { required: () => true },
  claims: { openid: ["sub"], profile: ["name", "preferred_username"], email: ["email", "email_verified"] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ["only-for-tests"] },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, name: sub, preferred_username: sub, email: `${sub}@company.test`, email_verified: true }),
  }),
});
provider.listen(Number(port), () => console.log("ready"));
