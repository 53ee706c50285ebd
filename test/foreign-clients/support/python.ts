import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** `npm run test:foreign-clients` sets it. */
const PYTHON = process.env.PYTHON ?? '/usr/bin/python3'

/** Runs a script of the folder `python`. Returns the JSON that it prints. */
export async function runPython(script: string, input: object): Promise<Record<string, unknown>> {
  const child = spawn(PYTHON, [fileURLToPath(new URL(`../python/${script}`, import.meta.url))], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // The clients otherwise refuse plain http, also on the loopback interface.
    env: { ...process.env, OAUTHLIB_INSECURE_TRANSPORT: '1', AUTHLIB_INSECURE_TRANSPORT: '1' }
  })
  child.stdin.end(JSON.stringify(input))
  const [output, errors, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close')
  ])
  if (status !== 0) throw new Error(`${script} failed (${status}):\n${errors}`)
  return JSON.parse(output)
}
