/** The queue: jobs, their leases, limits and logs, and the API that workers and people see of them. */
@NullMarked
package dev.larder.jobs;

import org.jspecify.annotations.NullMarked;
