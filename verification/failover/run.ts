import { setTimeout as sleep } from 'node:timers/promises'
import type { Owner } from '../../test/support/redis-server.js'
import { Random } from '../simulation/random.js'
import { Deployment } from './deployment.js'
import { inject, type Servers, startServers, waitUntilHealthy } from './fault-injector.js'
import { drawFaults, type Range, type TopologyName } from './faults.js'
import { HonestClient } from './honest-client.js'
import { Http } from './http.js'
import { LogoutWatch } from './logout-watch.js'
import { RunRecord } from './run-record.js'

const APPS = 3
/** The clients run for this time before the first fault, and after the last one. */
const CALM_MS = 3000
/** A Sentinel that hangs reports a switch when it resumes. */
const SWITCH_MS = 20_000

export interface RunSettings {
  seed: number
  topology: TopologyName
  /** No fault starts later than this after the first one. */
  durationMs: number
  clients: number
  /** The time between the starts of two faults. */
  pauseMs: Range
  /** How long a server hangs or is down. */
  faultMs: Range
  /** The checkout whose plugin runs. */
  folder: string
}

/** Runs honest clients and faults. Returns what happened, and the number of faults. */
export async function run(t: Owner, settings: RunSettings): Promise<{ record: RunRecord; faults: number }> {
  const { seed, topology, folder } = settings
  const record = new RunRecord()
  const servers = await startServers(t, topology)
  const deployment = await Deployment.open(t, folder, record, () => servers.connect())
  for (let i = 0; i < APPS; i++) await deployment.start()
  const http = new Http(deployment, record)
  t.after(() => http.close())
  const watch = new LogoutWatch(deployment, http, record, seed)
  const clients = Array.from({ length: settings.clients }, (_, i) => {
    const options = {
      sub: `user-${i}`,
      transport: i % 2 ? ('body' as const) : ('cookie' as const),
      reloads: i % 4 < 2,
      random: new Random('client', i, seed)
    }
    return new HonestClient(options, http, record, watch, APPS)
  })
  watchSwitches(servers, record)

  const end = new AbortController()
  const running = Promise.all(clients.map((client) => client.live(end.signal)))
  try {
    const faults = await injectFaults(settings, servers, record)
    await sleep(CALM_MS)
    end.abort()
    await running
    await Promise.all(clients.map((client) => client.checkSession()))
    // A process that starts last has only what Redis has.
    await watch.finish(await deployment.start())
    return { record, faults }
  } finally {
    end.abort()
  }
}

/** Injects one fault at a time. Returns their number. */
async function injectFaults(settings: RunSettings, servers: Servers, record: RunRecord): Promise<number> {
  const { seed, topology, durationMs, pauseMs, faultMs } = settings
  await sleep(CALM_MS)
  const startedAtMs = performance.now()
  let count = 0
  let lastAtMs = startedAtMs
  for (const fault of drawFaults(seed, topology, pauseMs, faultMs)) {
    await sleep(Math.max(0, lastAtMs + fault.pauseMs - performance.now()))
    if (performance.now() - startedAtMs > durationMs) break
    lastAtMs = performance.now()
    record.addIncident(`fault: ${fault.name}, ${fault.durationMs} ms`)
    await inject(fault, servers)
    record.addIncident('the fault is over')
    await waitUntilHealthy(servers)
    record.addIncident('the servers are healthy')
    count++
  }
  return count
}

/** Records when the first Sentinel reports another master. The others report it later. */
function watchSwitches({ sentinels }: Servers, record: RunRecord): void {
  let last = { text: '', atMs: 0 }
  for (const sentinel of sentinels) {
    const client = sentinel.client()
    client.subscribe('+switch-master').catch(() => {})
    client.on('message', (_channel, text: string) => {
      const isRepeated = text === last.text && performance.now() - last.atMs < SWITCH_MS
      if (isRepeated) return
      last = { text, atMs: performance.now() }
      record.addIncident(`switch: ${text}`)
    })
  }
}
