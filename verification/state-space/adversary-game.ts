import { canonical } from './canonical.js'
import { pack, unpack } from './pack.js'
import { confirm, refresh, type ServerSettings } from './server.js'
import { beginning, type Copy, type World } from './state.js'
import { lootsAfter, nameOf, withProof } from './transitions.js'

/**
 * A victim who keeps coming back, and a thief who has copied his jar once, sees every answer that he gets, and
 * plays as well as can be: what he does is searched, not guessed.
 */
export interface DuelSettings extends ServerSettings {
  accessTtl: number
  /** The victim refreshes so long after he last did: at the earliest, and at the latest. */
  victim: { earliest: number; latest: number; confirms: boolean }
  lootSize: number
  step: number
}

interface Position {
  world: World
  /** Since the victim last refreshed. */
  since: number
}

export interface Edge {
  name: string
  to: number
  time: number
  /** A refresh that the thief got through; at rest it gives an access token, and nothing else. */
  thief: 'none' | 'rest' | 'pair'
}

export interface Duel {
  /** Where the thief has just copied the jar. */
  thefts: number[]
  /** By position: what can happen there. A position without any is the session's end. */
  edges: Edge[][]
}

/** Every position that can be reached, however long it takes. */
export function playOut(settings: DuelSettings): Duel {
  const ids = new Map<string, number>()
  const keys: string[] = []
  const edges: Edge[][] = []
  const thefts = new Set<number>()
  const idOf = ({ world, since }: Position): number => {
    const key = pack(canonical(world)) + String.fromCharCode(since / settings.step)
    const known = ids.get(key)
    if (known !== undefined) return known
    ids.set(key, keys.length)
    return keys.push(key) - 1
  }
  idOf({ world: { ...beginning(), canSteal: true }, since: 0 })
  for (let id = 0; id < keys.length; id++) {
    const key = keys[id] as string
    const position = { world: unpack(key), since: key.charCodeAt(key.length - 1) * settings.step }
    const own: Edge[] = []
    for (const { position: next, ...edge } of turns(position, settings)) {
      const to = idOf(next)
      if (to !== id) own.push({ ...edge, to })
      if (edge.name === THEFT) thefts.add(to)
    }
    edges.push(own)
  }
  return { thefts: [...thefts], edges }
}

const THEFT = 'the thief copies the jar'

type Turn = Omit<Edge, 'to'> & { position: Position }

function* turns(position: Position, settings: DuelSettings): Generator<Turn> {
  const { world, since } = position
  const { victim, step } = settings
  if (!world.store) return
  const after = (name: string, changed: Partial<World>): Turn => ({
    name,
    ...{ time: 0, thief: 'none', position: { world: { ...world, ...changed }, since } }
  })
  if (since >= victim.earliest) yield visit(world, settings)
  yield* uses(position, settings)
  if (since + step <= victim.latest) {
    const next = { world: { ...world, now: world.now + step }, since: since + step }
    yield { name: 'time passes', time: step, thief: 'none', position: next }
  }
  const { jar } = world
  if (world.canSteal && jar) yield after(THEFT, { canSteal: false, loot: [jar] })
  for (const { gen } of world.proofs) {
    yield { ...after('the thief confirms', confirm(world, gen, settings)) }
  }
}

function visit(world: World, settings: DuelSettings): Turn {
  const used = world.jar as Copy
  const { world: next, row, copy } = refresh(world, used, settings)
  const confirmed = settings.victim.confirms && copy ? confirm(next, copy.gen, settings) : next
  return {
    name: `the victim refreshes with ${nameOf(used)}: row ${row}`,
    time: 0,
    thief: 'none',
    position: { world: { ...confirmed, jar: copy ?? used }, since: 0 }
  }
}

function* uses({ world, since }: Position, settings: DuelSettings): Generator<Turn> {
  for (const used of world.loot) {
    if (world.store && world.store.issuedUs > world.now) return
    const { world: next, row, copy } = refresh(world, used, settings)
    const proofs = copy ? withProof(world, copy.gen, world.now + settings.accessTtl) : world.proofs
    for (const loot of lootsAfter(world.loot, copy, settings.lootSize)) {
      yield {
        name: `the thief uses ${nameOf(used)}: row ${row}`,
        time: 0,
        thief: copy ? (row === 3 ? 'rest' : 'pair') : 'none',
        position: { world: { ...next, proofs, loot }, since }
      }
    }
  }
}
