const channel = new BroadcastChannel('demo')

/** Sends a message to this page in other tabs. The client sends its own messages. */
export function broadcast(message) {
  channel.postMessage(message)
}

export function onMessage(listener) {
  channel.onmessage = ({ data }) => listener(data)
}
