package dev.larder.worker.terraform;

import dev.larder.worker.process.Cgroups;
import dev.larder.worker.process.RootFolder;
import dev.larder.worker.process.WorkspaceTurns;
import java.time.InstantSource;

/**
 * What all jobs of this process share.
 *
 * @param cacheTurns the tool does not write to its cache of providers from two processes at once
 */
record Workbench(
        TerraformSettings settings,
        InstantSource clock,
        RootFolder root,
        Cgroups groups,
        ServerAddress address,
        WorkspaceTurns cacheTurns) {}
