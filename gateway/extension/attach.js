/** Runs in the page when the person asks for it: finds file fields, and puts a file into one of them.
 *
 * Injected as a classic script, so it exports nothing; its last value is the list of fields. */
(() => {
  const own = (globalThis.fileAccessAttach ??= { fields: [], listening: false });

  function* roots(root) {
    yield root;
    for (const element of root.querySelectorAll("*")) {
      const shadow = element.shadowRoot;
      if (shadow) yield* roots(shadow);
    }
  }

  function labelOf(field) {
    const text = field.getAttribute("aria-label") || field.labels?.[0]?.textContent || field.title || field.name || "";
    return text.replace(/\s+/g, " ").trim().slice(0, 80);
  }

  /** Does the field take this kind of file? (HTML: the accept attribute.) */
  function takes(field, name, type) {
    const wanted = (field.accept || "").split(",").map((one) => one.trim().toLowerCase()).filter(Boolean);
    const fits = (one) => (one.startsWith(".") ? name.toLowerCase().endsWith(one) : one.endsWith("/*") ? type.startsWith(one.slice(0, -1)) : type === one);
    return !wanted.length || wanted.some(fits);
  }

  function receive(port) {
    let target = null;
    let parts = [];
    let size = 0;
    const steps = {
      begin({ index, name, type, modified }) {
        const field = own.fields[index]?.deref();
        if (!field?.isConnected || field.disabled) return { problem: "fieldGone" };
        if (!takes(field, name, type)) return { problem: "wrongKind" };
        target = { field, name, type, modified };
        return { ready: true };
      },
      bytes(text) {
        const piece = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
        parts.push(piece);
        size += piece.length;
        return { size };
      },
      end(total) {
        if (total !== size || !target.field.isConnected) return { problem: "fieldGone" };
        const file = new File(parts, target.name, { type: target.type, lastModified: target.modified });
        const carrier = new DataTransfer();
        if (target.field.multiple) for (const had of target.field.files) carrier.items.add(had);
        carrier.items.add(file);
        target.field.files = carrier.files;
        for (const name of ["input", "change"]) target.field.dispatchEvent(new Event(name, { bubbles: true, composed: true }));
        parts = [];
        return { done: true };
      },
    };
    port.onMessage.addListener((message) => {
      const [step] = Object.keys(message);
      port.postMessage(steps[step](message[step]));
    });
  }

  const fields = [...roots(document)].flatMap((root) => [...root.querySelectorAll('input[type="file"]')]).filter((field) => !field.disabled && !field.webkitdirectory);
  own.fields = fields.map((field) => new WeakRef(field));
  if (!own.listening) {
    own.listening = true;
    chrome.runtime.onConnect.addListener((port) => port.name === "file-access-attach" && receive(port));
  }
  return fields.map((field, index) => ({ index, label: labelOf(field), accept: field.accept, multiple: field.multiple }));
})();
