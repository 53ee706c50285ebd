// Finds a Python with the OAuth clients of `npm run test:foreign-clients`. Installs them from Debian if that is possible. The
// packages are libraries. None of them starts a service.
import { canInstall, installPackages, updatePackageLists } from './apt.mjs'
import { tryRun } from './run.mjs'

/** Debian installs its modules for this Python. Another one on the PATH does not find them. */
const python = process.env.PYTHON ?? '/usr/bin/python3'
const packages = ['python3-requests-oauthlib', 'python3-authlib']

/** @returns {string | undefined} the path of a Python that can import the clients */
export function pythonWithClients() {
  if (!hasClients() && canInstall()) {
    console.log(`installing with apt-get: ${packages.join(', ')}`)
    updatePackageLists()
    installPackages(packages)
  }
  return hasClients() ? python : undefined
}

function hasClients() {
  const options = { stdio: 'ignore', timeoutMs: 60_000 }
  return tryRun(python, ['-c', 'import requests_oauthlib, authlib'], options).status === 0
}
