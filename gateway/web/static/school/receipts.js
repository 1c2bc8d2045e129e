/** The link to a receipt: told once, so that it is kept now. */

import { attempt } from "../dialogs.js";
import { h, say } from "../dom.js";
import { _ } from "../i18n.js";
import { card } from "../rooms.js";

/** A card with the link; ``receipt``: the address that the API gave. */
export function keepReceipt(receipt) {
  const address = new URL(`/receipt#other:${new URL(receipt, location.href).pathname}`, location.href).href;
  const input = h("input", { type: "text", id: "receipt-link", value: address, readonly: true, dir: "ltr" });
  const copy = async () => {
    input.select();
    await attempt(() => navigator.clipboard.writeText(address));
    say(_("Copied."));
  };
  return card(
    _("Keep this link to the receipt"),
    h("p", {}, _("The receipt proves what was destroyed. This link is shown only now, and works once, when everything is done.")),
    h("div", { class: "field" }, h("label", { for: "receipt-link" }, _("Link to the receipt")), input),
    h("div", { class: "choices drafts" }, h("button", { type: "button", class: "button primary", onclick: copy }, _("Copy the link")), h("a", { class: "button", href: address, target: "_blank", rel: "noopener" }, _("Open the receipt"))),
  );
}
