/** The tab in which somebody signed in again: it tells the page that waits for it. */

const channel = new BroadcastChannel("signed-in");
channel.postMessage("");
channel.close();
