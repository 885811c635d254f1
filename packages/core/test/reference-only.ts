// Importing this makes eager calls in the test run on the reference, whether or not a native backend is built.
process.env.OCTAVO_BACKEND = 'reference';
