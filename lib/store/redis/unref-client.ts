/** What is used of ioredis. Some of it is not part of its types, and may be missing in another version. */
interface Client {
  on(event: 'connect' | 'ready' | 'reconnecting' | 'error', listener: () => void): unknown
  on(event: '+node', listener: (node: Client) => void): unknown
  isCluster?: boolean
  stream?: Unreffable | null
  reconnectTimeout?: Unreffable | null
  connector?: Connector
  /** Of a Cluster. */
  subscriber?: { getInstance?(): Client | null }
}

interface Connector {
  connect(...args: unknown[]): Promise<Unreffable>
  /** Opens a connection to a Sentinel. */
  connectToSentinel?(...args: unknown[]): Client
}

interface Unreffable {
  unref?(): unknown
}

/**
 * Lets the process exit although a client of ioredis is connected, or tries to connect. The plugin opens connections that the
 * application does not see, and an application that was never closed, for example in a test, must not keep the process alive.
 */
export function unrefClient(client: unknown): void {
  const { isCluster, connector } = client as Client
  if (isCluster) unrefCluster(client as Client)
  else unrefConnection(client as Client)
  if (connector) unrefConnector(connector)
}

function unrefCluster(cluster: Client): void {
  cluster.on('+node', unrefClient)
  // ioredis 5 opens one more connection, for subscriptions.
  cluster.on('ready', () => {
    const subscriber = cluster.subscriber?.getInstance?.()
    if (subscriber) unrefConnection(subscriber)
  })
}

function unrefConnection(client: Client): void {
  client.stream?.unref?.()
  client.on('connect', () => client.stream?.unref?.())
  client.on('reconnecting', () => client.reconnectTimeout?.unref?.())
}

/** Without this, a client would keep the process alive while it connects. */
function unrefConnector(connector: Connector): void {
  const { connect, connectToSentinel } = connector
  connector.connect = async (...args) => {
    const stream = await connect.apply(connector, args)
    stream.unref?.()
    return stream
  }
  if (!connectToSentinel) return
  connector.connectToSentinel = (...args) => {
    const sentinel = connectToSentinel.apply(connector, args)
    unrefClient(sentinel)
    // Its commands reject with the error. Without a listener, ioredis prints it.
    sentinel.on('error', () => {})
    return sentinel
  }
}
