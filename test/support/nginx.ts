import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, type Owner } from './redis-server.js'

const READY_MS = 60_000
const ATTEMPTS = 5

export interface Nginx {
  port: number
  /** The port of plain http. */
  httpPort: number
}

/** The configuration of a site, for two ports. */
export type Site = (ports: Nginx) => string

/** Starts nginx on free loopback ports, as one process. It stops when the test ends. */
export async function startNginx(t: Owner, site: Site): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  let output = ''
  // Another process may take a port before nginx binds it. Then nginx exits, and other ports are tried.
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const ports = { port: await freePort(), httpPort: await freePort() }
    await writeFile(join(folder, 'nginx.conf'), configuration(folder, site(ports)))
    const child = spawn(findNginx(), ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], {
      stdio: ['ignore', 'ignore', 'pipe']
    })
    child.stderr.on('data', (chunk: Buffer) => {
      output = (output + String(chunk)).slice(-4000)
    })
    child.on('error', (error) => {
      output += error.message
    })
    const closed = new Promise((resolve) => child.once('close', resolve))
    t.after(async () => {
      child.kill('SIGTERM')
      await closed
    })
    const deadline = Date.now() + READY_MS
    while (child.exitCode === null && Date.now() < deadline) {
      if (await accepts(ports.port)) return ports
      await sleep(10)
    }
  }
  throw new Error(`nginx did not start: ${output}`)
}

/** In the folder that is only on the PATH of root, in the one that scripts/ensure-tools.mjs unpacks into, or on the PATH. */
function findNginx(): string {
  return ['/usr/sbin/nginx', resolve('.tools/nginx')].find((path) => existsSync(path)) ?? 'nginx'
}

function configuration(folder: string, site: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
daemon off;
master_process off;
pid ${join(folder, 'nginx.pid')};
events {}
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${join(folder, name)};`).join('\n  ')}
${site}
}
`
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  }).finally(() => socket.destroy()) as Promise<boolean>
}
