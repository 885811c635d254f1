/** What `kind` says in the metadata of a file with an eager model; a graph's file says something else, or nothing. */
export const EAGER_KIND = 'octavo.eager';
