import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Runs a full garbage collection in a process that was started without `--expose-gc`. */
export const collect: () => void = runInNewContext('gc')
