// Browsers start no Worker for a page that was opened from disk. There the theme's search runs in a hidden frame instead,
// with what it uses of a worker: messages in both directions, and importScripts(), which the theme awaits.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.inner = frame.contentWindow;
      this.loaded = new Promise((resolve) => { this.inner.whenLoaded = resolve; });
      this.inner.toOuter = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.inner.postMessage = (data) => this.inner.toOuter(data);
      this.inner.importScripts = async (...urls) => { for (const each of urls) await load(this.inner.document, each); };
      load(this.inner.document, url).then(this.inner.whenLoaded);
    }

    postMessage(data) {
      this.loaded.then(() => this.inner.dispatchEvent(new MessageEvent("message", { data: structuredClone(data) })));
    }
  };

  const load = (page, url) => new Promise((resolve, reject) => {
    const script = page.createElement("script");
    Object.assign(script, { src: url, onload: resolve, onerror: reject });
    page.body.append(script);
  });
}
