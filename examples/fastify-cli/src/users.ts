import { randomBytes, scrypt as scryptCallback, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

export interface Credentials {
  username: string
  password: string
}

export interface User {
  id: string
  name: string
}

const scrypt = promisify<string, Buffer, number, Buffer>(scryptCallback)

// One user, hashed at the start. Read yours from a database.
const salt = randomBytes(16)
const ada = { id: 'user-1', name: 'ada', hash: await scrypt('analytical engine', salt, 32) }

/** Returns the user, or null if the name or the password is wrong. */
export async function verifyPassword({ username, password }: Credentials): Promise<User | null> {
  // Hashes for an unknown name also, so that the response time does not disclose which names exist.
  const isRight = timingSafeEqual(await scrypt(password, salt, 32), ada.hash)
  return isRight && username === ada.name ? { id: ada.id, name: ada.name } : null
}
