/** Files that come into a folder: dropped on its list, or chosen with the file button. */

export class Drops {
  /** ``takes()``: whether files can be put here now; ``put(files)``. */
  constructor(zone, input, { takes, put }) {
    const give = (files) => files.length && takes() && put([...files]);
    input.addEventListener("change", () => {
      give(input.files);
      input.value = "";
    });
    let depth = 0;
    const carries = (event) => event.dataTransfer?.types.includes("Files") && takes();
    const mark = () => zone.classList.toggle("dropping", depth > 0);
    zone.addEventListener("dragenter", (event) => {
      if (!carries(event)) return;
      depth += 1;
      mark();
    });
    zone.addEventListener("dragleave", () => {
      depth = Math.max(0, depth - 1);
      mark();
    });
    zone.addEventListener("dragover", (event) => carries(event) && event.preventDefault());
    zone.addEventListener("drop", (event) => {
      depth = 0;
      mark();
      if (!carries(event)) return;
      event.preventDefault();
      // Folders arrive as entries without bytes; only files can be read this way.
      const files = [...event.dataTransfer.items].filter((one) => one.webkitGetAsEntry?.()?.isFile ?? true).map((one) => one.getAsFile());
      give(files.filter(Boolean));
    });
  }
}
