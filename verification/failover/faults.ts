import { Random } from '../simulation/random.js'

export type TopologyName = 'sentinel' | 'cluster'

const FAULTS_OF_BOTH = [
  'master hangs',
  'replica hangs',
  'master is killed',
  'planned failover',
  'connections are killed'
] as const

export type FaultName = (typeof FAULTS_OF_BOTH)[number] | 'Sentinel hangs' | 'master is cut off'

const FAULTS: Record<TopologyName, readonly [FaultName, ...FaultName[]]> = {
  sentinel: [...FAULTS_OF_BOTH, 'Sentinel hangs', 'master is cut off'],
  cluster: FAULTS_OF_BOTH
}

/** From the lowest to the highest value. */
export type Range = readonly [low: number, high: number]

export interface Fault {
  name: FaultName
  /** The time since the start of the fault before. The fault starts later if the topology is not healthy yet. */
  pauseMs: number
  /** How long a server hangs, is down or is cut off. */
  durationMs: number
  /** Selects the server: a number of at least 0 and less than 1. */
  target: number
}

/** Draws faults without end. The same seed gives the same faults. */
export function* drawFaults(
  seed: number,
  topology: TopologyName,
  pauseMs: Range,
  durationMs: Range
): Generator<Fault, never> {
  const random = new Random('failover', topology, seed)
  for (;;) {
    yield {
      name: random.of(FAULTS[topology]),
      pauseMs: Math.round(random.between(...pauseMs)),
      durationMs: Math.round(random.between(...durationMs)),
      target: random.next()
    }
  }
}
