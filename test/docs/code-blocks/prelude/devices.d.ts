/** What docs/guides/mobile-and-desktop.md uses of other runtimes. */

declare module 'electron' {
  export const app: { getPath(name: 'userData'): string; whenReady(): Promise<void> }
  export const safeStorage: {
    isEncryptionAvailable(): boolean
    encryptString(text: string): Buffer
    decryptString(bytes: Buffer): string
  }
  export const ipcMain: {
    handle(channel: string, listener: (event: unknown, ...args: unknown[]) => unknown): void
  }
}

declare module '@aparajita/capacitor-secure-storage' {
  export const SecureStorage: {
    getItem(key: string): Promise<string | null>
    setItem(key: string, value: string): Promise<void>
    removeItem(key: string): Promise<void>
  }
}

declare const chrome: {
  storage: {
    local: {
      get(key: string): Promise<Record<string, string>>
      set(items: Record<string, unknown>): Promise<void>
      remove(key: string): Promise<void>
      setAccessLevel(options: { accessLevel: 'TRUSTED_CONTEXTS' }): Promise<void>
    }
  }
}

/** Stands for a library that signs with a key of the device. */
declare const keystore: {
  publicJwk(name: string): Promise<{ kty: string; crv: string; x: string; y: string }>
  /** Returns a signature as base64url. */
  sign(name: string, text: string): Promise<string>
  toBase64url(text: string): string
  randomId(): string
}
declare const secureStorage: import('fastify-refresh-token/client').RefreshTokenStorage
