// Where the configuration says that the content is.

import type { RegistryConfig } from './config.ts'
import { DiskStorage } from './disk-storage.ts'
import type { Storage } from './storage.ts'

/** Opens the storage. Throws a sentence that says what is wrong. A registry on a disk does not load what speaks to object stores. */
export async function openStorage({ root, s3 }: Pick<RegistryConfig, 'root' | 's3'>): Promise<Storage> {
  if (!s3) {
    const storage = new DiskStorage(root)
    await storage.prepare()
    return storage
  }
  const [{ S3Client }, { S3Storage }] = await Promise.all([import('./s3/client.ts'), import('./s3/storage.ts')])
  const storage = new S3Storage(new S3Client(s3))
  await storage.prepare()
  return storage
}
