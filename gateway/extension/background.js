/** The service worker: menus and the sign-in. It may die at any moment, so it remembers nothing and holds no bytes. */

import { signIn } from "./auth.js";
import { handOver } from "./handover.js";

const MENUS = [
  ["save-image", "saveImage", ["image"]],
  ["save-link", "saveLink", ["link"]],
  ["save-page", "savePage", ["page"]],
  ["attach", "attachMenu", ["page", "editable"]],
];

chrome.runtime.onInstalled.addListener(async () => {
  await chrome.contextMenus.removeAll();
  for (const [id, title, contexts] of MENUS) chrome.contextMenus.create({ id, title: chrome.i18n.getMessage(title), contexts });
});

const windowFor = (url) => chrome.windows.create({ url, type: "popup", width: 460, height: 640 });

chrome.contextMenus.onClicked.addListener(async (info, tab) => {
  if (info.menuItemId === "attach") return windowFor(`popup.html?tab=${tab.id}`);
  const wanted = {
    "save-image": { kind: "image", url: info.srcUrl, title: "" },
    "save-link": { kind: "link", url: info.linkUrl, title: info.selectionText ?? "" },
    "save-page": { kind: "link", url: info.pageUrl, title: tab?.title ?? "" },
  }[info.menuItemId];
  return windowFor(`save.html?id=${await handOver(wanted)}`);
});

chrome.runtime.onMessage.addListener((message, sender, reply) => {
  if (sender.id !== chrome.runtime.id || message.do !== "sign-in") return false;
  signIn().then(
    () => reply({ ok: true }),
    () => reply({ ok: false }),
  );
  return true;
});
