// Runs what .ci/run checks after `npm test`. Two processors are busy if what waits and what computes run at the same time.
import { runLanes } from './lanes.mjs'

const matrix = (...names) => `npm run --silent test:matrix -- ${names.join(' ')}`

await runLanes([
  // They share `.tap`, `dist` and `bench/node_modules`. They mostly wait: for timeouts, for pages, for fixed times.
  [
    'npm run --silent test:thorough',
    'npm run --silent test:docs',
    'npm run --silent test:package',
    'npm run --silent test:browser',
    'npm run --silent test:foreign-clients',
    'npm --prefix bench ci',
    'npm --prefix bench run --silent bench -- --short'
  ],
  // The others run in copies of the project. These take all the processor time that they get.
  [matrix('node-22'), matrix('node-24'), matrix('node-20')],
  [
    // One command, because the first of them downloads both servers.
    matrix('later-redis', 'valkey'),
    matrix('ioredis-lowest'),
    matrix('ioredis-5'),
    matrix('fastify-lowest'),
    matrix('fastify-latest')
  ]
])
