const channel = new BroadcastChannel('demo')

/** Tells this page in other tabs what it shows; the client tells its own news by itself. */
export function tell(news) {
  channel.postMessage(news)
}

export function onNews(hear) {
  channel.onmessage = ({ data }) => hear(data)
}
