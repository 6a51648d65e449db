/** Where the bytes of files live: a local directory, or an S3 bucket with a local cache. Names, owners and rights are the callers' rows. */

export { createFileStore, type FileStoreOptions } from './create.ts';
export { storageErrors } from './errors.ts';
export type { FileSource, FileStore, PutOptions, StoredFile } from './types.ts';
