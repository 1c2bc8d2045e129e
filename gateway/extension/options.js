/** The options: where the gateway is. Changing it ends the sign-in and asks the person to let us talk to that server. */

import { signOut } from "./auth.js";
import { allowed, ask, gateway, originOf, setGateway } from "./settings.js";
import { byId, localise, signIn, status, t, words } from "./ui.js";

localise();
document.title = `${t("name")} – ${t("options")}`;
const now = await gateway();
byId("gateway").value = now.origin;
byId("gateway").readOnly = now.fixed;
if (now.fixed) byId("help").textContent = t("gatewayFixed");

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const origin = originOf(byId("gateway").value);
  if (!origin) return status(t("badAddress"), "bad");
  try {
    if (!(await allowed(origin)) && !(await ask(origin))) return status(t("siteRefused"), "bad");
    if (origin !== now.origin) await signOut();
    if (!now.fixed) await setGateway(origin);
    now.origin = origin;
    status(t("signingIn"));
    await signIn();
    return status(t("ready"), "good");
  } catch (error) {
    return status(words(error), "bad");
  }
});
document.documentElement.dataset.ready = "true";
