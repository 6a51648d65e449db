/** Schemas and types of the public interface: the server validates with them, clients are typed by them. */
export * from './common.ts';
