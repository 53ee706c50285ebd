import { blocksIn } from '../docs/code-blocks/blocks.js'
import { evaluate } from '../docs/code-blocks/run.js'
import type { ClientOptions } from './redis-server.js'
import type { SentinelSettings } from './topologies.js'

const PAGE = 'docs/evidence/topologies.md'

/** Reads the configuration that the documentation calls tested, so that the tests use exactly this one. */
export async function readTestedConfiguration(): Promise<{
  servers: Required<Omit<SentinelSettings, 'isPartitionable'>>
  client: ClientOptions
}> {
  const blocks = await blocksIn(PAGE)
  const codeWith = (text: string) => {
    const block = blocks.find(({ code }) => code.includes(text))
    if (!block) throw new Error(`${PAGE} has no block with ${text}`)
    return block.code
  }
  const sentinel = codeWith('sentinel monitor')
  const numberOf = (setting: string) => {
    const [, value] = new RegExp(`^sentinel ${setting} main (\\d+)$`, 'm').exec(sentinel) ?? []
    if (!value) throw new Error(`${PAGE} has no ${setting}`)
    return Number(value)
  }
  return {
    servers: {
      args: argsOf(codeWith('min-replicas-to-write')),
      downAfterMs: numberOf('down-after-milliseconds'),
      failoverTimeoutMs: numberOf('failover-timeout')
    },
    client: await optionsOf(codeWith('new Redis('))
  }
}

/** Returns the lines of a `redis.conf` as arguments of the command line. */
function argsOf(conf: string): string[] {
  return conf
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [name, ...values] = line.split(' ')
      return [`--${name}`, ...values]
    })
}

/** Returns the options of the client that a block creates, without the addresses. */
async function optionsOf(code: string): Promise<ClientOptions> {
  class Redis {
    readonly options: ClientOptions
    constructor(options: ClientOptions) {
      this.options = options
    }
  }
  const { options } = (await evaluate(code, { Redis }, 'redis')) as Redis
  const { sentinels: _, ...others } = options
  return others
}
